// Whether the kernel holds nothing of a device any more for an engine that is dead.
import { closeSync, constants, openSync, readFileSync } from 'node:fs'

/** What else is looked at; a test has a place of its own. */
const SYS = '/sys'

/**
 * That life of the device is over: the device has had another one since, for which the kernel let go of all that the old
 * one had. Or it opens exclusively, and is held by nobody: a dead engine's ring or helper keeps its claim until its I/O
 * has ended. A device that is not there holds nothing. A regular file is let go of with the engine's last thread, which
 * its lock tells.
 */
export function isLetGo(device: string, deviceKey: string, sys = SYS): boolean {
  if (deviceKey.startsWith('file:') || isOver(deviceKey, sys)) return true
  try {
    closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK))
    return true
  } catch (error) {
    const { code } = error as { code?: unknown }
    return code === 'ENOENT' || code === 'ENXIO' || code === 'ENODEV'
  }
}

/** 'loop:7:0 diskseq 12': whether the device with that number is in another life now. */
function isOver(deviceKey: string, sys: string): boolean {
  const [, number, diskseq] = /^loop:(\d+:\d+) diskseq (\d+)$/.exec(deviceKey) ?? []
  if (number === undefined) return false
  try {
    return readFileSync(`${sys}/dev/block/${number}/diskseq`, 'latin1').trim() !== diskseq
  } catch {
    // Without its number: then the claim alone tells.
    return false
  }
}
