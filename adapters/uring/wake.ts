// Wakes the event loop when a ring has completions, although JS can watch neither a ring nor an eventfd: a second, tiny
// ring polls the first and, by a linked write, puts a byte into a pipe, which the event loop does watch. So a wait
// costs nothing for as long as nothing comes, no thread blocks, and a process that ends need not be woken.
import { Socket } from 'node:net'
import { alignedBytes } from '../aligned.ts'
import { addressOf } from '../memory-address.ts'
import { LINKED, OPCODE, POLL_IN } from './abi.ts'
import { openRing } from './ring.ts'
import type { Ring } from './ring.ts'
import { closeFd, makePipe } from './system-calls.ts'

/** Watches one ring. */
export interface Wake {
  /** Calls `onWake` once, soon after the ring has a completion, also one that is there already. */
  arm(): void
  /** Whether waiting for it keeps the process alive. */
  keepAlive(on: boolean): void
  /** Ends it; `onWake` is not called any more. */
  close(): void
}

/** Makes a {@link Wake} of a ring, or says the name of the error. */
export function openWake(watched: Ring, onWake: () => void): Wake | { readonly errno: string } {
  const pipe = makePipe()
  if (pipe === null) return { errno: 'EMFILE' }
  const ring = openRing({ submissions: 2, completions: 8 })
  if ('errno' in ring) {
    closeFd(pipe.readEnd)
    closeFd(pipe.writeEnd)
    return ring
  }
  let armed = false
  const socket = watchPipe(pipe.readEnd, () => {
    armed = false
    onWake()
  })
  const byte = alignedBytes(1)
  const address = addressOf(byte.buffer)
  const arm = (): void => {
    if (armed) return
    // The kernel knows only its address: without a use here its memory would be collected under the ring.
    byte[0] = 1
    ring.reap(() => undefined)
    // The kernel may have refused them the last time; then they are still there.
    if (ring.unsubmitted === 0) {
      ring.prepare(OPCODE.pollAdd, LINKED, watched.fd, 0, 0, 0, POLL_IN, 0, 0)
      ring.prepare(OPCODE.write, 0, pipe.writeEnd, 0, address, byte.length, 0, 0, 0)
    }
    armed = ring.submit() === null
  }
  const close = (): void => {
    socket.destroy()
    ring.close()
    closeFd(pipe.writeEnd)
  }
  return { arm, close, keepAlive: (on) => (on ? socket.ref() : socket.unref()) }
}

function watchPipe(fd: number, onByte: () => void): Socket {
  const onread = {
    buffer: new Uint8Array(16),
    callback: () => {
      onByte()
      return true
    },
  }
  const socket = new Socket({ fd, readable: true, writable: false, onread })
  socket.unref()
  return socket
}
