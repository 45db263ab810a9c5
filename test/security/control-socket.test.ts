// What a hostile client on the control socket can and cannot do (SECURITY.md): each statement once, on a real socket.
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askEngine } from '../../adapters/control/client.ts'
import { PENDING_US, type ControlHandler } from '../../adapters/control/conversation.ts'
import { LINE_MAX, type ControlRequest } from '../../adapters/control/frames.ts'
import { listenPrivately } from '../../adapters/control/listen.ts'
import { CONNECTIONS_MAX, serveControl, type ControlServer } from '../../adapters/control/server.ts'
import { systemClock } from '../../adapters/system.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'

let folder = ''
let file = ''
const servers: ControlServer[] = []
const sockets: Socket[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-hostile-'))
  file = join(folder, 'c.sock')
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const echo: ControlHandler = (request) => request.verb
async function serve(handler: ControlHandler = echo, clock = systemClock): Promise<void> {
  servers.push(await serveControl(file, handler, clock))
}
const ask = (verb: string, clock = systemClock) => askEngine(file, { verb } as ControlRequest, clock)

interface Client {
  readonly socket: Socket
  /** Everything that it was told, once the connection is over. */
  readonly told: Promise<string>
}

/** A connection that is up. */
function client(options: { readonly allowHalfOpen?: boolean } = {}): Promise<Client> {
  return new Promise((resolve) => {
    const socket = connect({ path: file, ...options })
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('error', () => socket.destroy())
    const told = new Promise<string>((done) => socket.on('close', () => done(text)))
    socket.once('connect', () => resolve({ socket, told }))
  })
}

/** Resolves when the peer has a line. */
const line = ({ socket }: Client) =>
  new Promise<string>((resolve) => socket.once('data', (text) => resolve(text.toString())))
const REFUSED = expect.objectContaining({
  ok: false,
  error: expect.objectContaining({ code: 'CONTROL_REQUEST' }),
})

test('the socket is mode 0600 before it has its name, whatever the umask; the name of nobody is taken', async () => {
  const umask = process.umask(0)
  const server = createServer()
  const listen = server.listen.bind(server) as (path: string, done: () => void) => void
  const seen: unknown[] = []
  Object.assign(server, {
    listen: (path: string, done: () => void) =>
      listen(path, () => {
        // Bound, and not yet of mode 0600: nobody else comes as far as here.
        seen.push(statSync(dirname(path)).mode & 0o777, existsSync(file))
        done()
      }),
  })
  const remove = await listenPrivately(server, file).finally(() => process.umask(umask))
  expect(seen).toEqual([0o700, false])
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['c.sock'])
  await expect(listenPrivately(createServer(), file)).rejects.toMatchObject({ code: 'CONTROL_IN_USE' })
  // Another engine has replaced it meanwhile: that one's name stays.
  rmSync(file)
  writeFileSync(file, '')
  remove()
  expect(existsSync(file)).toBe(true)
  server.close()
})

test('a name that is too long, and a folder that is not there, are refused by name and leave nothing', async () => {
  await expect(serveControl(join(folder, 'x'.repeat(120)), echo, systemClock)).rejects.toMatchObject({
    code: 'CONTROL_SOCKET',
  })
  await expect(serveControl(join(folder, 'none', 'c'), echo, systemClock)).rejects.toMatchObject({
    code: 'CONTROL_SOCKET',
  })
  chmodSync(folder, 0o700)
  expect(readdirSync(folder)).toEqual([])
})

test('a frame that is too long ends its connection; memory is bounded and others are served', async () => {
  await serve()
  const long = await client()
  long.socket.write('x'.repeat(LINE_MAX + 1))
  expect(await long.told).toBe('')
  const ended = await client()
  ended.socket.end(`${' '.repeat(LINE_MAX + 10)}\n{"verb":"show"}\n`)
  const answers = (await ended.told).trimEnd().split('\n')
  // In full, or cut off where the line was seen to be too long: never taken as something else.
  if (answers[0] !== '') expect(JSON.parse(answers[0]!)).toEqual(REFUSED)
  expect(await ask('show')).toBe('show')
})

test.each([
  [
    'garbage bytes',
    Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 37 + 128) % 256).filter((byte) => byte !== 10)),
  ],
  ['JSON nested 30,000 deep', `{"verb":"show","x":${'['.repeat(30_000)}`],
  ['JSON nested 30,000 deep, and closed', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  [
    'an object nested deep in a known field',
    `{"verb":"countersSet","of":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
  ],
  ['a key __proto__', '{"verb":"show","__proto__":{"polluted":true}}'],
  ['a counter __proto__', '{"verb":"countersSet","of":"sda","counters":{"__proto__":{"polluted":1}}}'],
  ['a constructor', '{"verb":"show","constructor":{"prototype":{"polluted":true}}}'],
  ['an array for an object', '[{"verb":"show"}]'],
  ['a verb of Object.prototype', '{"verb":"toString"}'],
])('%s is answered with CONTROL_REQUEST and reaches no handler', async (_what, bytes) => {
  const reached: string[] = []
  await serve((request) => void reached.push(request.verb))
  const hostile = await client()
  hostile.socket.write(bytes)
  hostile.socket.write('\n')
  expect(JSON.parse(await line(hostile))).toEqual(REFUSED)
  expect(reached).toEqual([])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('silent and slow connections keep nobody out: the one that was silent longest makes room', async () => {
  await serve()
  const silent = []
  for (let count = 0; count < CONNECTIONS_MAX; count += 1) silent.push(await client())
  // A byte at a time, and never a line.
  for (const { socket } of silent) socket.write('{')
  silent[0]!.socket.write('"verb":"show"}\n')
  expect(await line(silent[0]!)).toContain('"show"')
  expect(await ask('show')).toBe('show')
  expect(await ask('ghosts')).toBe('ghosts')
  // Not the first: it has just spoken.
  await Promise.all([silent[1]!.told, silent[2]!.told].slice(0, 1))
  expect(silent[0]!.socket.destroyed).toBe(false)
  expect(silent.filter(({ socket }) => !socket.destroyed).length).toBeGreaterThanOrEqual(CONNECTIONS_MAX - 3)
})

test('32 requests that take long turn the next connection away, which says so; one that ends lets it in', async () => {
  const waiting: (() => void)[] = []
  await serve((request) =>
    request.verb === 'ghosts' ? new Promise((resolve) => void waiting.push(() => resolve('late'))) : 'ok',
  )
  const busy = []
  for (let count = 0; count < CONNECTIONS_MAX; count += 1) {
    const one = await client()
    one.socket.write('{"verb":"ghosts"}\n')
    busy.push(one)
  }
  while (waiting.length < CONNECTIONS_MAX) await new Promise((resolve) => setImmediate(resolve))
  await expect(ask('show')).rejects.toMatchObject({ code: expect.stringMatching(/^CONTROL_NO/) as string })
  for (const finish of waiting) finish()
  expect(await line(busy[0]!)).toContain('late')
  expect(await ask('show')).toBe('ok')
})

test('who asks and does not read is not read either: no answers pile up', async () => {
  const sent = { answers: 0 }
  const much = 'y'.repeat(10_000)
  await serve(() => {
    sent.answers += 1
    return much
  })
  const deaf = await client()
  deaf.socket.pause()
  deaf.socket.write('{"verb":"show"}\n'.repeat(4_000))
  // Others are served meanwhile, however much was asked.
  for (let turn = 0; turn < 20; turn += 1) expect(await ask('show')).toBe(much)
  // What the kernel's buffers take, and not what was asked for: 40 MB.
  expect(sent.answers).toBeLessThan(400)
  deaf.socket.resume()
  let heard = 0
  await new Promise<void>((resolve) => {
    deaf.socket.on('data', (text) => {
      heard += text.toString().split('\n').length - 1
      if (heard === 4_000) resolve()
    })
  })
})

test('a peer that has closed its half is answered, and one that went away harms nothing', async () => {
  const waiting: (() => void)[] = []
  await serve((request) =>
    request.verb === 'ghosts'
      ? new Promise((resolve) => void waiting.push(() => resolve('late')))
      : request.verb,
  )
  const half = await client({ allowHalfOpen: true })
  half.socket.end('{"verb":"show"}\n{"verb":"ghosts"}\n{"verb":"sysfs"}\n')
  while (waiting.length === 0) await ask('show')
  waiting.shift()?.()
  expect(
    (await half.told).split('\n').map((text) => (text === '' ? null : (JSON.parse(text) as object))),
  ).toEqual([{ ok: true, result: 'show' }, { ok: true, result: 'late' }, { ok: true, result: 'sysfs' }, null])
  const gone = await client()
  gone.socket.write('{"verb":"ghosts"}\n')
  while (waiting.length === 0) await ask('show')
  gone.socket.destroy()
  await gone.told
  waiting.shift()?.()
  expect(await ask('show')).toBe('show')
})

test('a bug behind the socket is told as ENGINE_FAULT and ends neither the engine nor the connection', async () => {
  await serve((request) => {
    if (request.verb === 'show') throw new TypeError('of nothing')
    return 'ok'
  })
  await expect(ask('show')).rejects.toMatchObject({ code: 'ENGINE_FAULT', why: 'of nothing' })
  expect(await ask('ghosts')).toBe('ok')
})

test('an answer may take as long as the engine lives; an engine that says nothing, or nonsense, is given up', async () => {
  const clock = new VirtualClock()
  const finish: { now?: () => void } = {}
  await serve(() => new Promise((resolve) => void (finish.now = () => resolve('done'))), clock)
  const patient = ask('show', clock)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  while (finish.now === undefined) await turn()
  for (let second = 0; second < 30; second += 1) {
    clock.advanceBy(PENDING_US)
    for (let turns = 0; turns < 20; turns += 1) await turn()
  }
  finish.now()
  expect(await patient).toBe('done')

  const other = join(folder, 'other.sock')
  const mute = createServer((socket) => void socket.on('error', () => undefined)).listen(other)
  await new Promise((resolve) => mute.once('listening', resolve))
  const deaf = askEngine(other, { verb: 'show' }, clock)
  await turn()
  clock.advanceBy(5_000_000)
  await expect(deaf).rejects.toMatchObject({ code: 'CONTROL_NO_ANSWER' })
  mute.close()
  const third = join(folder, 'third.sock')
  const liar = createServer((socket) => void socket.write('"yes"\n')).listen(third)
  await new Promise((resolve) => liar.once('listening', resolve))
  await expect(askEngine(third, { verb: 'show' }, clock)).rejects.toMatchObject({ code: 'CONTROL_NO_ANSWER' })
  liar.close()
})
