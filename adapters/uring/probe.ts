// What this kernel lets us do with io_uring, found out by trying. Nothing here starts I/O on a device.
import { readFileSync } from 'node:fs'
import { errnoOfNumber } from '../errno.ts'
import { BLOCK_DISCARD, OPCODE, REGISTER, RW } from './abi.ts'
import { openRing } from './ring.ts'
import type { Ring } from './ring.ts'
import { ringRegister } from './system-calls.ts'

/** What there is of io_uring on this machine, for this process. */
export interface UringProbe {
  readonly available: boolean
  /** One sentence, or null when it is available. */
  readonly why: string | null
  /** Reads, writes and polls: without these it is not available. */
  readonly readWrite: boolean
  /** Commands to a device, of which discard is one. */
  readonly commands: boolean
}

/** What io_uring does on one open descriptor. */
export interface DescriptorProbe {
  /** Reads and writes that say "not now" rather than wait. */
  readonly nowait: boolean
  readonly discard: boolean
}

const SYSCTL = '/proc/sys/kernel/io_uring_disabled'

/** `struct io_uring_probe`: a head of 16 bytes, and 8 for each opcode, of which byte 2 says whether it is there. */
const PROBE = { head: 16, entry: 8, flags: 2, opcodes: 256 } as const

const SMALL_RING = { submissions: 4, completions: 8 } as const

/** Tries io_uring: makes a ring, asks it which operations it has, and gives it up again. */
export function probeUring(): UringProbe {
  const ring = openRing(SMALL_RING)
  if ('errno' in ring) return unavailable(refusal(ring.errno, readSysctl()))
  try {
    const answer = new Uint8Array(PROBE.head + PROBE.opcodes * PROBE.entry)
    const { errno } = ringRegister(ring.fd, REGISTER.probe, answer, PROBE.opcodes)
    if (errno !== null) return unavailable(`the kernel does not say which operations io_uring has (${errno})`)
    const has = (opcode: number): boolean =>
      ((answer[PROBE.head + opcode * PROBE.entry + PROBE.flags] ?? 0) & 1) !== 0
    const readWrite = [OPCODE.read, OPCODE.write, OPCODE.pollAdd].every(has)
    if (!readWrite) return unavailable('its io_uring is too old: it lacks read, write or poll')
    return { available: true, why: null, readWrite, commands: has(OPCODE.command) }
  } finally {
    ring.close()
  }
}

/** Tries reads that do not wait, and discards, on a descriptor: each of no bytes, so nothing reaches the device. */
export function probeDescriptor(fd: number): DescriptorProbe {
  const ring = openRing(SMALL_RING)
  if ('errno' in ring) return { nowait: false, discard: false }
  try {
    ring.prepare(OPCODE.read, 0, fd, 0, 0, 0, RW.nowait, 0, 1)
    const read = resultOf(ring, 1)
    ring.prepare(OPCODE.command, 0, fd, BLOCK_DISCARD, 0, 0, 0, 0, 2)
    const discard = resultOf(ring, 2)
    // A device that discards complains about the length; one that does not, about the request.
    return { nowait: read === 0, discard: discard !== null && errnoOfNumber(discard) === 'EINVAL' }
  } finally {
    ring.close()
  }
}

/** The result of what was prepared with this tag, which the kernel answers at once; null when it does not. */
function resultOf(ring: Ring, expected: number): number | null {
  let answer: number | null = null
  ring.submit()
  ring.reap((tag, result) => {
    if (tag === expected) answer = result
  })
  return answer
}

function unavailable(why: string): UringProbe {
  return { available: false, why, readWrite: false, commands: false }
}

/** Why there is no ring, in a sentence: of the error, and of what the sysctl says (null where there is none). Pure. */
export function refusal(errno: string, sysctl: string | null): string {
  switch (errno) {
    case 'ENOSYS':
      return 'the kernel, or a seccomp filter, has no io_uring (ENOSYS)'
    case 'EPERM':
    case 'EACCES':
      return sysctl === null || sysctl === '0'
        ? `a seccomp filter or a security module forbids io_uring (${errno})`
        : `the sysctl kernel.io_uring_disabled is ${sysctl} (${errno})`
    case 'ENOMEM':
      return 'there is no memory for a ring: see ulimit -l (ENOMEM)'
    case 'EOPNOTSUPP':
      return 'its io_uring is too old: it may drop completions'
    default:
      return `io_uring_setup failed with ${errno}`
  }
}

function readSysctl(): string | null {
  try {
    return readFileSync(SYSCTL, 'latin1').trim()
  } catch {
    return null
  }
}
