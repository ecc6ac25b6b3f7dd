"""llama.cpp's own OpenAI-compatible HTTP server with one small model: `python -m chatplatform.embedded.llama_server`.

The key comes in `LOCAL_MODEL_API_KEY`, not on the command line, where every user of the machine could read it.
"""

import argparse
import os
import signal
import sys

SLOTS = 4  # answers at once
SLOT_CONTEXT = 4096  # tokens of prompt and answer in one slot


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="llama_server")
    parser.add_argument("--model", required=True, help="path of the GGUF file")
    parser.add_argument("--name", required=True, help="the model's name in requests and answers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    # Blocked before the server makes its threads, so that the signal waits for us instead of ending one of them.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = options.model
    parameters.model_alias = {options.name}
    parameters.hostnames = [options.host]
    parameters.port = options.port
    parameters.api_keys = [os.environ["LOCAL_MODEL_API_KEY"]]
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * SLOT_CONTEXT
    parameters.n_predict = -1
    parameters.n_gpu_layers = 0
    parameters.cache_ram_mib = 64  # prompts kept for reuse
    parameters.cpuparams.n_threads = max(1, min(4, os.cpu_count() or 1))
    parameters.cpuparams_batch.n_threads = max(1, min(4, os.cpu_count() or 1))
    parameters.fit_params = False
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 1
    server = xllamacpp.Server(parameters)
    print(f"serving {options.name} at {server.listening_address}", flush=True)
    signal.sigwait(signals)
    # The server's own tear-down waits for answers in progress; there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
