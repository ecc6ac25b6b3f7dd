/**
 * What can go wrong, by kind.
 *
 *     ChatPlatformError
 *     ├── APIError                the platform refused: status, code, message, details, requestId, retryAfter
 *     │   ├── ValidationError         400, 422
 *     │   ├── AuthenticationError     401
 *     │   ├── PermissionDeniedError   403
 *     │   ├── NotFoundError           404
 *     │   ├── ConflictError           409, with the turn that is in the way
 *     │   ├── RateLimitError          429, quotas too
 *     │   └── ServerError             5xx
 *     ├── APIConnectionError      nothing came back, or the connection was lost
 *     │   └── APITimeoutError
 *     └── TurnFailed              an answer that had begun came to an end that is none
 */

export class ChatPlatformError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An error object in any of the platform's dialects, as one. */
export interface ErrorDetails {
  /** `VALIDATION_ERROR`, `QUOTA_EXCEEDED`…: the contract's own word. Empty when the answer had none. */
  code: string;
  message: string;
  /** Which field, and what is wrong with it, where the platform says so. */
  details: unknown;
  /** The turn that is meant, where one is. */
  turnId: string | undefined;
}

export class APIError extends ChatPlatformError {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;
  readonly turnId: string | undefined;
  /** Names the request in the platform's logs. */
  readonly requestId: string | undefined;
  /** Seconds after which the platform says it is worth another try. */
  readonly retryAfter: number | undefined;
  /** The whole answer: JSON as a value, anything else as text. */
  readonly body: unknown;

  constructor(status: number, headers: Headers, body: unknown) {
    const said = errorDetails(body);
    super(said.message || `The platform answered with status ${status}.`);
    this.status = status;
    this.code = said.code;
    this.details = said.details;
    this.turnId = said.turnId;
    this.requestId = headers.get('x-request-id') ?? undefined;
    this.retryAfter = secondsUntil(headers.get('retry-after'));
    this.body = body;
  }

  /** The error of its status. */
  static of(status: number, headers: Headers, body: unknown): APIError {
    const kind = status >= 500 ? ServerError : (BY_STATUS[status] ?? APIError);
    return new kind(status, headers, body);
  }
}

export class ValidationError extends APIError {}
export class AuthenticationError extends APIError {}
export class PermissionDeniedError extends APIError {}
export class NotFoundError extends APIError {}
export class ConflictError extends APIError {}
export class RateLimitError extends APIError {}
export class ServerError extends APIError {}

const BY_STATUS: Record<number, typeof APIError> = {
  400: ValidationError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: ValidationError,
  429: RateLimitError,
};

export class APIConnectionError extends ChatPlatformError {
  /** Whether the request certainly never arrived. */
  get neverSent(): boolean {
    const cause = (this.cause as { cause?: { code?: unknown } } | undefined)?.cause;
    return cause?.code === 'ECONNREFUSED' || cause?.code === 'ENOTFOUND';
  }
}

export class APITimeoutError extends APIConnectionError {}

/** What there is of the answer is kept by the platform, and was streamed before this. */
export class TurnFailed extends ChatPlatformError {
  readonly code: string;
  readonly turnId: string | undefined;

  constructor(said: ErrorDetails) {
    super(said.message || 'The answer failed.');
    this.code = said.code;
    this.turnId = said.turnId;
  }
}

/** Reads `{error: {code, message, details}}`, `{code, message, error: {details}}` and `{detail}`. */
export function errorDetails(body: unknown): ErrorDetails {
  const whole = asObject(body);
  const inner = asObject(whole['error']);
  const named = asObject(inner['details']);
  return {
    code: asText(inner['code']) || asText(whole['code']),
    message: asText(inner['message']) || asText(whole['message']) || asText(whole['detail']),
    details: inner['details'],
    turnId: [whole, inner, named].map((place) => asText(place['turn_id'] ?? place['turnId'])).find((id) => id !== ''),
  };
}

/** Of a `Retry-After` header: seconds, or a date. */
export function secondsUntil(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
