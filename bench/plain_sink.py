"""A mail server that takes everything and keeps nothing, light enough not to be what is measured.

`python -m bench.plain_sink PORT [SECONDS]` answers each message after so many seconds, each connection for itself.
"""

import asyncio
import sys


class Sink:
    """What the connections share: how long a message takes, and how many came."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.mails = seconds, 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250 SIZE 10000000\r\n")
            elif command == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(self.seconds)
                self.mails += 1
                writer.write(b"250 kept\r\n")
            elif command == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()


async def serve(port: int, seconds: float) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Sink(seconds).converse, "127.0.0.1", port, limit=2**20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
