// One child process that does for a path what could hang. It is given the path's own open descriptor: no second open
// that might meet another device, and the claim on the device lasts for as long as the child's work does in the kernel,
// so that whoever claims it next knows that work to be over.
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { errnoOf } from '../errno.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import type { Head } from './frames.ts'

/** Threads that one child does its I/O with, instead of Node's four. */
const CHILD_THREADS = 16

/** The descriptors that a child finds open. */
export const CHILD_FD = { device: 3, channel: 4 } as const

/** A child that runs. */
export interface Peer {
  send(head: Head, data: Uint8Array | null): void
  /** Whether it keeps this process alive. */
  keepAlive(on: boolean): void
  /** Sends SIGKILL, forgets the channel, and waits for nothing. */
  kill(): void
}

/** What a peer tells. */
export interface PeerEvents {
  readonly onFrame: (head: Head, data: Uint8Array) => void
  /** The channel is gone, or there never was a child: nothing more will be answered. Once. */
  readonly onLost: (errno: string) => void
  /** The process is gone, and with it all that it did in the kernel. Once, also when it never was. */
  readonly onExit: () => void
}

/** Starts a child with `fd`, null for none, as its device. It dies when this process does, whatever it waits for. */
export function startPeer(fd: number | null, events: PeerEvents): Peer {
  try {
    return connect(fd, events)
  } catch (error) {
    // The arguments are sound: what throws at once is a lack of memory or of descriptors.
    queueMicrotask(() => {
      events.onLost(errnoOf(error))
      events.onExit()
    })
    return { send: () => undefined, keepAlive: () => undefined, kill: () => undefined }
  }
}

function connect(fd: number | null, events: PeerEvents): Peer {
  const entry = new URL(
    import.meta.url.endsWith('.ts') ? '../helper/main.ts' : '../helper/main.js',
    import.meta.url,
  )
  const child = spawn(process.execPath, [fileURLToPath(entry), String(process.pid)], {
    stdio: ['ignore', 'ignore', 'ignore', fd ?? 'ignore', 'pipe'],
    // A group of its own: the terminal's Ctrl-C is for the program, which may still need the child to let go in peace.
    detached: true,
    env: { ...process.env, UV_THREADPOOL_SIZE: String(CHILD_THREADS), NODE_OPTIONS: '' },
  })
  const channel = child.stdio[CHILD_FD.channel] as
    (Duplex & { ref(): void; unref(): void }) | null | undefined
  const lose = once(events.onLost)
  const exit = once(events.onExit)
  child.once('error', (error) => {
    lose(errnoOf(error))
    if (child.pid === undefined) exit()
  })
  child.once('exit', () => {
    lose('EIO')
    exit()
  })
  const reader = new FrameReader(events.onFrame)
  channel?.on('data', (chunk: Buffer) => reader.push(chunk))
  channel?.on('error', () => lose('EIO'))
  channel?.on('close', () => lose('EIO'))
  child.unref()
  channel?.unref()
  return {
    send: (head, data) => {
      for (const piece of encodeFrame(head, data)) channel?.write(piece)
    },
    keepAlive: (on) => (on ? channel?.ref() : channel?.unref()),
    kill: () => {
      child.kill('SIGKILL')
      channel?.destroy()
    },
  }
}

function once<Given extends readonly unknown[]>(call: (...given: Given) => void): (...given: Given) => void {
  let called = false
  return (...given) => {
    if (called) return
    called = true
    call(...given)
  }
}
