"""Old runs are deleted in bulk: those that have ended well, and only those."""

from datetime import datetime, timedelta, timezone

import grpc
from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


def run(s: Stage) -> None:
    def entrypoint(wf: WorkflowThread) -> None:
        day = wf.declare_str("day").required()
        wf.do_if(day.is_equal_to("sunday"), lambda wf: wf.fail("closed", "not on sundays"))
        wf.do_if(day.is_equal_to("monday"), lambda wf: wf.wait_for_event(s.name("opened")))

    s.event("opened")
    s.put(Workflow(s.name("shop-day"), entrypoint))
    begin = datetime.now(timezone.utc) - timedelta(seconds=5)
    runs = {
        day: s.start("shop-day", f"shop-{day}", day=day)
        for day in ("friday", "saturday", "sunday", "monday")
    }
    s.ended(runs["saturday"], "COMPLETED")
    s.ended(runs["sunday"], "EXCEPTION")

    def delete(wf_spec: str, latest: datetime) -> BulkJob:
        operation = BulkDeleteWfRun(
            wf_spec_name=wf_spec,
            earliest_start=begin,
            latest_start=latest,
            wf_run_status=COMPLETED,
        )
        return s.client.CreateBulkJob(
            CreateBulkJobRequest(id=s.name("cleanup"), bulk_delete_wf_run=operation)
        )

    s.refused("a job that says not what", "INVALID_ARGUMENT", lambda: delete("", begin))
    s.refused(
        "a job that ends before it begins",
        "INVALID_ARGUMENT",
        lambda: delete(s.name("shop-day"), begin - timedelta(seconds=1)),
    )
    job = delete(s.name("shop-day"), datetime.now(timezone.utc) + timedelta(seconds=5))

    def status() -> str:
        return BulkJobStatus.Name(s.client.GetBulkJob(GetBulkJobRequest(id=job.id)).status)

    def gone(run: WfRunId) -> bool:
        try:
            s.client.GetWfRun(run)
        except grpc.RpcError as e:
            return e.code() == grpc.StatusCode.NOT_FOUND
        return False

    s.until("the job to be done", lambda: s.known(status) == "BULK_JOB_COMPLETED")
    for day in ("friday", "saturday"):
        s.until(f"the end of {day}", lambda: gone(runs[day]))
    same("sunday", EXCEPTION, s.client.GetWfRun(runs["sunday"]).status)
    same("monday", RUNNING, s.client.GetWfRun(runs["monday"]).status)
    s.post(runs["monday"], "opened", None)
    s.ended(runs["monday"], "COMPLETED")
    s.client.DeleteBulkJob(DeleteBulkJobRequest(id=job.id))
