"""Log lines of an activity name the workflow it works for, so that a complaint can be followed through the logs."""

from datetime import timedelta

import structlog
from structlog.testing import capture_logs
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from runtime.interceptors import NamedLines
from runtime.polling import polling


@activity.defn
async def speak() -> None:
    structlog.get_logger().info("spoken")


@workflow.defn
class Speaking:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(speak, start_to_close_timeout=timedelta(seconds=10))


async def test_an_activitys_lines_carry_the_workflows_id(temporal_client: Client) -> None:
    worker = Worker(
        temporal_client,
        task_queue="speaking",
        workflows=[Speaking],
        activities=[speak],
        interceptors=[NamedLines()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with polling(worker):
            await temporal_client.execute_workflow(
                Speaking.run, id="complaint/7K2M-9QF3-XA5C", task_queue="speaking"
            )
    (line,) = [line for line in lines if line["event"] == "spoken"]
    assert line["workflow_id"] == "complaint/7K2M-9QF3-XA5C"
    assert (line["activity_type"], line["attempt"]) == ("speak", 1)
