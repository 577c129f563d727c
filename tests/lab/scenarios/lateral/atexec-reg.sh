# Lateral movement over SMB: the task scheduler's pipe and the remote registry's, with impacket.
# packages: python3-impacket samba
examples=/usr/share/doc/python3-impacket/examples
LAB_SECONDS=8 from client /usr/bin/python3 $examples/atexec.py "root:Lab-2026@$SERVER" whoami
LAB_SECONDS=8 from client /usr/bin/python3 $examples/reg.py "root:Lab-2026@$SERVER" query -keyName HKLM
