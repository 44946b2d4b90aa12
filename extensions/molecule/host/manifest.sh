#!/bin/sh
# Every file, link and folder that the collection might touch: path, kind, mode, owner, link target or checksum.
# An initramfs is no function of its inputs alone (cpio keeps times), so of it the list of contents counts.
find /etc /boot /usr/local /usr/lib/dracut /usr/lib/modules-load.d /var/lib/nova-pci-passthrough \
    -printf '%p %y %m %U:%G %l\n' 2>/dev/null | sort
find /etc /boot /usr/local /usr/lib/dracut /usr/lib/modules-load.d -type f ! -name 'initrd*' \
    -exec sha256sum {} + 2>/dev/null | sort
for image in /boot/initrd*; do
    lsinitramfs "$image" | sort
done
