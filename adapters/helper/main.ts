// The entry of a child process: answers requests about the device it was started with, until its parent is gone.
import { Socket } from 'node:net'
import koffi from 'koffi'
import { answerCall, isCallName } from './calls.ts'
import { encodeFrame, FrameReader } from '../child/frames.ts'
import { performIo } from '../child/io.ts'
import { CHILD_FD } from '../child/spawn.ts'
import type { Head } from '../child/frames.ts'
import type { IoOp } from '../../machines/words.ts'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

const parent = Number(process.argv[2])
const prctl = koffi.load(null).func('int prctl(int option, unsigned long value)') as unknown as (
  option: number,
  value: number,
) => number

// The kernel ends us with our parent, also when every thread here hangs. It may have died before we asked.
prctl(PR_SET_PDEATHSIG, SIGKILL)
if (process.ppid !== parent) process.exit(0)

// A key pressed at the terminal is for the parent, which may still need us to flush.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const channel = new Socket({ fd: CHILD_FD.channel })
const reader = new FrameReader((head, data) => void answer(head, data))
channel.on('data', (chunk: Buffer) => reader.push(chunk))
channel.on('error', () => process.exit(0))
channel.on('close', () => process.exit(0))

async function answer(head: Head, data: Uint8Array): Promise<void> {
  const { id, call } = head
  if (isCallName(call)) {
    reply({ id, ...(await answerCall(call, head.given, CHILD_FD.device)) }, null)
    return
  }
  const request = head as { op: IoOp; offset: number; length: number; fua: boolean }
  const { errno, bytes, read, release } = await performIo(CHILD_FD.device, request, data)
  reply({ id, errno, bytes }, read, release)
}

function reply(head: Head, data: Uint8Array | null, written?: () => void): void {
  const pieces = encodeFrame(head, data)
  pieces.forEach((piece, index) => {
    channel.write(piece, index === pieces.length - 1 ? written : undefined)
  })
}
