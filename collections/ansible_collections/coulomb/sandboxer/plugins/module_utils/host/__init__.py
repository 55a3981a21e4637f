"""The host program as a library: standard library only, Python 3.9, nothing of Ansible.

It lives three lives: imported by the modules, imported by the controller through
`sandboxer_cli.host`, and installed on the host as a zipapp that builds itself (`program`).

Each verb starts it anew, so what it imports and does at first is paid for each time: plain data are
NamedTuples, since dataclasses would take a quarter of that.
"""
