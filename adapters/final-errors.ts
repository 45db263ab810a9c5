// Whether an error from a file means that nothing more will happen to it.
import { blockStack, MACHINE } from './block-stack.ts'
import type { StackNode, StackView } from './block-stack.ts'

/** Filesystems that answer for a write only when the block device under them has answered. */
const LOCAL_BLOCK_FILESYSTEMS = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs']

/** A write there is a copy within the kernel, over before the call returns: nothing is left that could land later. */
const MEMORY_FILESYSTEMS = ['tmpfs', 'ramfs']

/**
 * True when every file and device under `file` is known to stop at an error: a regular file of a local block
 * filesystem, or of memory, on a disk of this machine. False when a server may stand anywhere behind it (FUSE, NFS,
 * NBD, iSCSI, a loop over one of these) or when the stack cannot be seen: an old write may land there long after its
 * error (docs/loop-devices.md).
 */
export function errorsAreFinalOn(file: string, view: StackView = MACHINE): boolean {
  const stack = blockStack(file, view)
  return stack.length > 0 && stack.every((node) => (node.kind === 'file' ? fileEnds(node) : blockEnds(node)))
}

function fileEnds({ home, isBottom }: StackNode): boolean {
  return isBottom ? MEMORY_FILESYSTEMS.includes(home) : LOCAL_BLOCK_FILESYSTEMS.includes(home)
}

/** A bottom device must be a disk on a bus: virtual ones without a bottom of their own have a server behind them. */
function blockEnds({ home, isBottom }: StackNode): boolean {
  return !isBottom || !/\/virtual\/|\/session\d|\/rport-/.test(home)
}
