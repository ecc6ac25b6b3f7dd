/** From the names of this client (`providerType`) to those of the wire (`provider_type`) and back. */

/** What belongs to the user or the vendor goes through as it is: these keys' values are not looked into. */
const OPAQUE = new Set(['config', 'metadata']);

export function toWire(value: unknown): unknown {
  return renamed(value, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

export function fromWire<T>(value: unknown): T {
  return renamed(value, (name) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())) as T;
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  const isMessage = 'role' in value && 'content' in value; // whose metadata is the platform's own
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      rename(name),
      OPAQUE.has(name) && !(isMessage && name === 'metadata') ? item : renamed(item, rename),
    ]),
  );
}
