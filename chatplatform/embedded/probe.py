"""Does a page answer? One plain HTTP request without a library, as the supervisor stays small.

`python -m chatplatform.embedded.probe URL` ends with 0 if it does and 1 if not: a container's health check.
"""

import asyncio
import sys
from urllib.parse import urlsplit


async def answers(url: str, *, seconds: float = 5.0) -> bool:
    """Whether a GET of `url` is answered with a status below 400 within `seconds`."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                await writer.drain()
                words = (await reader.readline()).split()
                return len(words) >= 2 and words[1].isdigit() and 200 <= int(words[1]) < 400
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(answers(sys.argv[1])) else 1)
