#!/bin/sh
# Every path below /etc/nova: kind, mode, owner, name, and the sum of a file's content.
find /etc/nova -printf '%y %m %u:%g %p %l\n' | sort
find /etc/nova -type f -exec sha256sum {} + | sort -k 2
