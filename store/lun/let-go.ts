// Whether the kernel holds nothing of a device any more for an engine that is dead.
import { closeSync, constants, openSync } from 'node:fs'

/**
 * A block device that opens exclusively is held by nobody: a dead engine's ring or helper keeps its claim until its I/O
 * has ended. A device that is not there holds nothing. A regular file is let go of with the engine's last thread, which
 * its lock tells.
 */
export function isLetGo(device: string): boolean {
  try {
    closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK))
    return true
  } catch (error) {
    const { code } = error as { code?: unknown }
    return code === 'ENOENT' || code === 'ENXIO' || code === 'ENODEV'
  }
}
