"""How every process reaches Temporal: one data converter, failures without texts or stacks, TLS from the settings."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, KeepAliveConfig, TLSConfig
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import FailureError
from temporalio.service import RetryConfig

from runtime.settings import Settings


class QuietFailureConverter(DefaultFailureConverter):
    """Failures keep what we wrote ourselves; anything else crosses as its class name alone.

    The message of an unexpected exception may quote a row or a field, and a stack quotes its arguments:
    neither may reach Temporal (DESIGN, Promises 4).
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        super().to_failure(exception, payload_converter, failure)
        _quieten(failure, ours=isinstance(exception, FailureError))


def _quieten(failure: Failure, *, ours: bool) -> None:
    failure.stack_trace = ""
    if not ours:
        failure.message = failure.application_failure_info.type or "unexpected error"
    if failure.HasField("cause"):
        _quieten(failure.cause, ours=ours and not failure.cause.HasField("application_failure_info"))


DATA_CONVERTER = replace(pydantic_data_converter, failure_converter_class=QuietFailureConverter)
"""Pydantic models in and out (27 KB in 0.2 ms), quiet failures."""


async def connect(settings: Settings, **options: Any) -> Client:
    """A client of the configured Temporal. Raises RuntimeError when it can not be reached."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=DATA_CONVERTER,
        tls=_tls(settings),
        api_key=settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None,
        # A caller that waits wants to know soon; our own callers send again.
        retry_config=RetryConfig(
            initial_interval_millis=50, max_interval_millis=500, max_elapsed_time_millis=3_000
        ),
        keep_alive_config=KeepAliveConfig(interval_millis=5_000, timeout_millis=5_000),
        **options,
    )


def _tls(settings: Settings) -> TLSConfig | bool:
    certificates = (
        settings.temporal_tls_client_cert_path,
        settings.temporal_tls_client_key_path,
        settings.temporal_tls_server_ca_cert_path,
    )
    if not any(certificates) and settings.temporal_tls_server_name is None:
        return settings.temporal_tls or settings.temporal_api_key is not None
    certificate, key, authority = (_read(path) for path in certificates)
    return TLSConfig(
        client_cert=certificate,
        client_private_key=key,
        server_root_ca_cert=authority,
        domain=settings.temporal_tls_server_name,
    )


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None


STICKY = timedelta(seconds=2)
"""How long a task waits for the worker that had the workflow in memory; a killed one then stalls its cases briefly."""
