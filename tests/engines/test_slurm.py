"""The scripts for SLURM, run by bash with a stand-in for the cluster's commands."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest


def is_running(pid):
    """Whether a process is there and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


SCRIPTS = Path(__file__).parents[2] / "examples/slurm"
# logs its words, then runs the command after its options
SRUN = """\
echo "srun $*" >> "$CALLS"
while [[ "$1" == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """\
[ "$*" = "show hostnames node[1-3]" ] || exit 1
printf 'node1\\nnode2\\nnode3\\n'
"""
RAY = """\
echo "ray $*" >> "$CALLS"
[ "${#RAY_AUTH_TOKEN}" = 64 ] && [ "$RAY_AUTH_MODE" = token ] || exit 1
if [ "$1" = status ]; then
  [ -e "$CALLS.head" ]
elif [ "$2" = --head ]; then
  sleep 0.2; touch "$CALLS.head"; echo $$ >> "$CALLS.pids"; exec sleep 600
else
  echo $$ >> "$CALLS.pids"; exec sleep 600
fi
"""
NOTED = 'echo "gdbench $*" >> "$CALLS"\nsleep 0.5\n'
REAL = f'exec {sys.executable} -m gdbench "$@"\n'


@pytest.fixture
def cluster(tmp_path):
    """Run a script with these commands and variables; give its exit code, errors and the calls."""
    calls = tmp_path / "calls"

    def run(script, *words, gdbench=NOTED, **variables):
        place = tmp_path / "bin"
        place.mkdir(exist_ok=True)
        bodies = {"srun": SRUN, "scontrol": SCONTROL, "ray": RAY, "gdbench": gdbench}
        for name, body in bodies.items():
            (place / name).write_text(f"#!/usr/bin/env bash\n{body}")
            (place / name).chmod(0o755)
        calls.write_text("")
        done = subprocess.run(
            [shutil.which("bash"), SCRIPTS / script, *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
            env={
                **os.environ, "PATH": f"{place}:{os.environ['PATH']}", "CALLS": str(calls),
                "RAY_POLL_SECONDS": "0.1", **variables,
            },
        )  # fmt: skip
        return done.returncode, done.stderr, calls.read_text().splitlines()

    return run


def array(index, count, **more):
    return {
        "SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_TASK_COUNT": str(count),
        "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": str(count),
        "SLURM_ARRAY_JOB_ID": "77", **more,
    }  # fmt: skip


def test_an_array_and_its_merge_make_a_run(cluster, tmp_path):
    words = ("--model", "constant", "--suite", "mini", "--tasks", "winoground", "--limit", "4")
    for index in (1, 2):
        code, err, calls = cluster(
            "array.sbatch", *words, gdbench=REAL, RUN="runs/c", **array(index, 2)
        )
        assert code == 0, err
        assert calls[0].endswith(f"--shard={index}/2 --out=runs/c/shard-{index}")
    code, err, _ = cluster("merge.sbatch", gdbench=REAL, RUN="runs/c")
    assert code == 0, err
    assert (tmp_path / "runs/c/whole/winoground/record.json").is_file()


def test_an_array_that_does_not_count_from_1_is_refused(cluster):
    wrong = array(0, 2, SLURM_ARRAY_TASK_MIN="0", SLURM_ARRAY_TASK_MAX="1")
    code, err, calls = cluster("array.sbatch", **wrong)
    assert (code, calls) == (2, [])
    assert "the array has to be 1-N" in err


def test_ray_on_three_nodes(cluster, tmp_path):
    code, err, calls = cluster(
        "ray.sbatch", "--model", "sd2.1", SLURM_JOB_NODELIST="node[1-3]", SLURM_JOB_ID="123456",
        SLURM_JOB_NUM_NODES="3", SLURM_GPUS_ON_NODE="8",
    )  # fmt: skip
    assert code == 0, err
    started = [c for c in calls if c.startswith("ray start")]
    assert sorted(started) == [
        "ray start --address=node1:23456 --block", "ray start --head --port=23456 --block",
    ]  # fmt: skip
    assert any("--nodes=2 --ntasks=2 --exclude=node1 ray start" in c for c in calls)
    assert "gdbench evaluate --model sd2.1 --engine=ray --address=node1:23456 --workers=24" in calls
    deadline = time.monotonic() + 30
    for pid in (tmp_path / "calls.pids").read_text().split():
        # ended with the job, which does not wait for them
        while is_running(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_failed_run_fails_the_job(cluster):
    code, _, _ = cluster(
        "ray.sbatch", gdbench="exit 1\n", SLURM_JOB_NODELIST="node[1-3]", SLURM_JOB_ID="5",
        SLURM_JOB_NUM_NODES="1",
    )  # fmt: skip
    assert code == 1
