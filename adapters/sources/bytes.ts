// The bytes of a source, whatever it is packed in. What is cut short or damaged is read up to the damage, and said.
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { PathledgerError, messageOf } from '../../errors.ts'

/** What a file is packed in, by its first bytes. */
export type Packing = 'plain' | 'gzip' | 'zstd' | 'xz' | 'bzip2'

const MAGIC: readonly (readonly [packing: Packing, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68]],
]

/** How a file begins tells what it is packed in; its name does not. */
export function packingOf(first: Uint8Array): Packing {
  return MAGIC.find(([, bytes]) => bytes.every((byte, at) => first[at] === byte))?.[0] ?? 'plain'
}

/** The unpacked bytes of a file. `damaged` is called with the reason when what follows cannot be unpacked. */
export async function* bytesOf(path: string, damaged: (why: string) => void): AsyncGenerator<Uint8Array> {
  const packing = packingOf(await firstBytes(path))
  const unpacked = unpack(path, packing)
  try {
    for await (const chunk of unpacked) yield chunk as Uint8Array
  } catch (error) {
    if (packing === 'plain' || error instanceof PathledgerError) throw error
    damaged(messageOf(error))
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function unpack(path: string, packing: Packing): AsyncIterable<unknown> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (packing === 'plain') return file
  if (packing === 'gzip') return through(file, createGunzip())
  if (packing === 'zstd') return through(file, createZstdDecompress())
  file.destroy()
  return byProgram(path, packing)
}

function through(file: Readable, unpacker: NodeJS.ReadWriteStream & Readable): Readable {
  file.on('error', (error) => unpacker.destroy(error))
  return file.pipe(unpacker)
}

/** xz and bzip2 have no place in Node: the system's programs do it. */
async function* byProgram(path: string, packing: 'xz' | 'bzip2'): AsyncGenerator<Uint8Array> {
  const child = spawn(packing, ['-dc', '--', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', (text: Buffer) => said.push(text.toString()))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(missingProgram(path, packing, error)))
    child.on('close', resolve)
  })
  // Reported where it is awaited; a child that never started must not end the process before.
  ended.catch(() => undefined)
  for await (const chunk of child.stdout) yield chunk as Uint8Array
  const code = await ended
  if (code !== 0) throw new Error(said.join('').trim() || `${packing} ended with ${String(code)}`)
}

function missingProgram(path: string, packing: string, cause: unknown): PathledgerError {
  return new PathledgerError('UNPACKER_MISSING', {
    message: `${path} is compressed with ${packing}, and the program '${packing}' could not be started.`,
    why: 'Node itself unpacks gzip and zstd; xz and bzip2 need the programs of the system.',
    todo: `Install ${packing}, or unpack the file first.`,
    cause,
  })
}
