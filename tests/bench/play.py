"""empty.yml through ansible-runner, in a process of its own: `play.py INVENTORY HOST`."""

import sys
import tempfile
from pathlib import Path

import ansible_runner

inventory, host = sys.argv[1:]
with tempfile.TemporaryDirectory() as private:
    done = ansible_runner.run(
        private_data_dir=private,
        playbook=str(Path(__file__).with_name("empty.yml")),
        inventory=inventory,
        limit=host,
        envvars={"ANSIBLE_HOST_KEY_CHECKING": "True", "ANSIBLE_PIPELINING": "True"},
        quiet=True,
    )
if done.rc != 0:
    sys.exit(f"ansible-runner ended with {done.rc}")
