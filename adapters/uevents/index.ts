// Word from the kernel that devices came, changed or went (NETLINK_KOBJECT_UEVENT). It is a reason to look at sysfs, which
// stays the truth; nothing is believed that a message says.
import { checkFields } from '../../errors/arguments.ts'
import type { Uevents } from '../ports.ts'
import { MESSAGE_BYTES_MAX, parseUevent } from './message.ts'
import { netlink, type Netlink } from './netlink.ts'

/** Messages taken at once: a storm of them takes turns with everything else. */
export const MESSAGES_A_TURN = 64

/**
 * Hears the kernel's uevents of block devices, for {@link Multipath.watch}. Needs no privilege. Where there is no such
 * socket (a sandbox, another kernel) the engine's log says so, and devices are found by looking alone.
 */
export function kernelUevents(calls: Netlink = netlink): Uevents {
  checkFields('kernelUevents', 'calls', calls, { open: 'call', receive: 'call', close: 'call' })
  const into = new Uint8Array(MESSAGE_BYTES_MAX)
  let fd: number | null = null
  const stop = () => {
    if (fd !== null) calls.close(fd)
    fd = null
  }
  return {
    start() {
      if (fd !== null) return null
      const opened = calls.open()
      if (typeof opened === 'string') return opened
      fd = opened
      return null
    },
    take() {
      const heard = { devices: 0, lost: false, errno: null as string | null }
      for (let taken = 0; fd !== null && taken < MESSAGES_A_TURN; taken += 1) {
        const { bytes, sender, errno } = calls.receive(fd, into)
        if (errno === 'EAGAIN') break
        if (errno === 'EINTR') continue
        if (errno === 'ENOBUFS') heard.lost = true
        else if (errno !== null) {
          heard.errno = errno
          stop()
        } else if (sender === 0) hear(heard, bytes, into)
      }
      return heard
    },
    stop,
  }
}

/** Anybody may send to the group who may administer the network; the caller has seen that the kernel sent this. */
function hear(heard: { devices: number; lost: boolean }, bytes: number, into: Uint8Array): void {
  // One that is cut, or that cannot be read, may have told of anything.
  const uevent = bytes > into.length ? null : parseUevent(into.subarray(0, bytes))
  if (uevent === null) heard.lost = true
  else if (uevent.subsystem === 'block') heard.devices += 1
}
