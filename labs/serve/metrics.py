"""What a server counts, for Prometheus: `GET /metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


class Metrics:
    """The counts of one server, in a registry of their own."""

    def __init__(self, engine):
        self.registry = CollectorRegistry()
        place = {"registry": self.registry, "namespace": "labs_serve"}
        self.requests = Counter("requests", "Answers by status.", ["path", "status"], **place)
        self.ended = Counter("ended", "Accepted requests by why they ended.", ["reason"], **place)
        self.prompt_tokens = Counter("prompt_tokens", "Tokens of accepted prompts.", **place)
        self.written_tokens = Counter("written_tokens", "Tokens written.", **place)
        self.first = Histogram(
            "time_to_first_token_seconds",
            "From the acceptance of a request to its first token.",
            buckets=SECONDS,
            **place,
        )
        self.whole = Histogram(
            "request_seconds", "From its acceptance to its end.", buckets=SECONDS, **place
        )
        running = Gauge("running", "Requests in a slot.", **place)
        running.set_function(lambda: len(engine.running))
        waiting = Gauge("waiting", "Requests that wait for a slot.", **place)
        waiting.set_function(lambda: len(engine.waiting))
        Gauge("slots", "Requests that may run at a time.", **place).set(engine.slots)

    def observe(self, answer, reason):
        """Count an answer that ended."""
        self.ended.labels("error" if isinstance(reason, Exception) else reason).inc()
        self.prompt_tokens.inc(len(answer.sequence.prompt))
        self.written_tokens.inc(len(answer.sequence.written))
        self.whole.observe(answer.seconds)
        if answer.first is not None:
            self.first.observe(answer.first)
