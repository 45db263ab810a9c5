// Frames of the control socket as a stream of bytes, cut anywhere: as many answers as there are lines, in their order, and
// the same ones however the bytes arrive.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRefusal, parseRequest } from '../../adapters/control/frames.ts'
import { serveControl } from '../../adapters/control/server.ts'
import { systemClock } from '../../adapters/system.ts'

const CORPUS = readFileSync(new URL('corpus/control-lines.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')

/** Everything that comes back for these pieces, each written on its own, after which our half is closed. */
function told(file: string, pieces: readonly Uint8Array[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: file, allowHalfOpen: true })
    let text = ''
    socket.setEncoding('utf8').on('data', (more) => (text += String(more)))
    socket.on('error', reject)
    socket.on('end', () => {
      socket.destroy()
      resolve(text)
    })
    socket.setNoDelay(true)
    for (const piece of pieces) socket.write(piece)
    socket.end()
  })
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
    (one, other) => one - other,
  )
  return [...ends, bytes.length].map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end))
}

test('lines are answered one by one and in order, whatever they are and however their bytes arrive', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-frames-'))
  const file = join(folder, 'c.sock')
  const counts = { answered: 0 }
  // Every other answer comes later than the next line.
  const server = await serveControl(
    file,
    (request) => {
      counts.answered += 1
      return counts.answered % 2 === 0 ? request.verb : Promise.resolve().then(() => request.verb)
    },
    systemClock,
  )
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...CORPUS) },
    fc.json({ maxDepth: 3 }),
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\n', ' ')),
  )
  const cuts = fc.array(fc.nat(5_000), { maxLength: 6 })
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 8 }),
        cuts,
        fc.boolean(),
        async (lines, places, unended) => {
          const bytes = new TextEncoder().encode(
            `${lines.map((one) => `${one}\n`).join('')}${unended ? '{"verb":' : ''}`,
          )
          const answers = (await told(file, cutAt(bytes, places))).split('\n')
          expect(answers.pop()).toBe('')
          const expected = lines.map((one) => {
            const request = parseRequest(new TextDecoder().decode(new TextEncoder().encode(one)))
            return isRefusal(request) ? { ok: false, error: request } : { ok: true, result: request.verb }
          })
          expect(answers.map((text) => JSON.parse(text) as object)).toEqual(expected)
        },
      ),
      { numRuns: 30 },
    )
    expect(counts.answered).toBeGreaterThan(15)
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})
