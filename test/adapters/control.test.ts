// The control socket: who may ask, what may be asked, and that bad input gets an answer and harms nothing.
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askEngine } from '../../adapters/control/client.ts'
import { LINE_MAX, type ControlRequest } from '../../adapters/control/frames.ts'
import { serveControl } from '../../adapters/control/server.ts'
import { systemClock } from '../../adapters/system.ts'
import { PathledgerError } from '../../errors.ts'

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-control-'))
  file = join(folder, 'c.sock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ask = (request: unknown) => askEngine(file, request as ControlRequest, systemClock)

test('an answer comes back, and the peer is named by its uid', async () => {
  const server = await serveControl(file, (request, actor) => ({ verb: request.verb, actor }), systemClock)
  expect(await ask({ verb: 'show' })).toEqual({
    verb: 'show',
    actor: `operator:${process.getuid?.() ?? 'unknown'}`,
  })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await server.close()
  expect(existsSync(file)).toBe(false)
})

test('an error of the engine arrives as itself', async () => {
  const fails = () => {
    throw new PathledgerError('HEAD_NOT_FOUND', {
      message: 'No head.',
      why: 'None.',
      todo: 'Add one.',
      errno: 'ENODEV',
    })
  }
  const server = await serveControl(file, fails, systemClock)
  await expect(ask({ verb: 'drain', head: 'sdq' })).rejects.toMatchObject({
    code: 'HEAD_NOT_FOUND',
    errno: 'ENODEV',
    why: 'None.',
    message: 'No head. None. Add one.',
  })
  await server.close()
})

test.each([
  ['an unknown verb', { verb: 'format' }],
  ['a missing name', { verb: 'pathFail' }],
  ['one key too many', { verb: 'show', force: true }],
  ['a release without a reason', { verb: 'ghostsRelease' }],
])('%s is refused by name', async (_what, request) => {
  const server = await serveControl(file, () => 'reached', systemClock)
  await expect(ask(request)).rejects.toMatchObject({ code: 'CONTROL_REQUEST', errno: 'EINVAL' })
  await server.close()
})

test('what is no request at all is refused before anybody is asked', async () => {
  await expect(ask('show')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', errno: 'EINVAL' })
})

test('bytes that are no request are answered, and a line without end ends the connection', async () => {
  const server = await serveControl(file, () => 'reached', systemClock)
  expect(await lines('\u0000\u0001 not json\n')).toContain('CONTROL_REQUEST')
  expect(await lines('x'.repeat(LINE_MAX + 1))).toBe('')
  expect(await ask({ verb: 'ghosts' })).toBe('reached')
  await server.close()
})

test('a socket that a dead engine left is replaced, one in use is not, nor is a file', async () => {
  const server = await serveControl(file, () => 'first', systemClock)
  await expect(serveControl(file, () => 'second', systemClock)).rejects.toMatchObject({
    code: 'CONTROL_IN_USE',
  })
  await server.close()
  writeFileSync(file, 'a file of somebody else')
  await expect(serveControl(file, () => 'third', systemClock)).rejects.toMatchObject({
    code: 'CONTROL_NOT_A_SOCKET',
  })
})

test('nobody there is told from not allowed', async () => {
  await expect(ask({ verb: 'show' })).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING', errno: 'ENOENT' })
  chmodSync(folder, 0o700)
})

/** What comes back for raw bytes, until the answer or the end. */
function lines(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(file, () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
      if (text.includes('\n')) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(text))
  })
}
