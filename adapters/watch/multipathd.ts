// One question to multipathd through its socket: a length, the text with a NUL, and the same back. Only `show` is asked.
import { connect } from 'node:net'

/** Where it listens: an abstract socket, and from 0.12 on a file. */
export const MULTIPATHD_SOCKETS = [
  '\0/org/kernel/linux/storage/multipathd',
  '/run/multipathd.socket',
] as const
/** An answer is waited for so long: the daemon may hang while queues do. */
const ANSWER_MS = 2_000
/** Bytes of an answer at most. */
const ANSWER_BYTES = 16 * 1024 * 1024
const LENGTH_BYTES = 8

/** The answer, or null with the reason in `why` where there is none. */
export interface Answer {
  readonly text: string | null
  readonly why: string
}

/** Asks `show maps json`. */
export async function askMaps(sockets: readonly string[] = MULTIPATHD_SOCKETS): Promise<Answer> {
  let last: Answer = { text: null, why: 'no socket' }
  for (const path of sockets) {
    last = await ask(path, 'show maps json')
    if (last.text !== null) return last
  }
  return last
}

function ask(path: string, question: `show ${string}`): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const chunks: Buffer[] = []
    const end = (answer: Answer): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_MS, () => end({ text: null, why: 'it did not answer in time' }))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end({ text: null, why: error.code ?? error.message }),
    )
    socket.on('close', () => end({ text: null, why: 'it ended without an answer' }))
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const all = Buffer.concat(chunks)
      const length = all.length < LENGTH_BYTES ? null : Number(all.readBigUInt64LE(0))
      if (length !== null && length > ANSWER_BYTES) end({ text: null, why: 'its answer is too long' })
      else if (length !== null && all.length >= LENGTH_BYTES + length)
        end({ text: all.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length).replace(/\0$/, ''), why: '' })
    })
    socket.on('connect', () => {
      const text = Buffer.from(`${question}\0`)
      const length = Buffer.alloc(LENGTH_BYTES)
      length.writeBigUInt64LE(BigInt(text.length))
      socket.write(Buffer.concat([length, text]))
    })
  })
}
