// Word from the kernel: what is a uevent and what is none, how much is taken at once, and what happens without a socket.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kernelUevents, MESSAGES_A_TURN } from '../../adapters/uevents/index.ts'
import { MESSAGE_BYTES_MAX, parseUevent, PROPERTIES_MAX } from '../../adapters/uevents/message.ts'
import type { Netlink, Received } from '../../adapters/uevents/netlink.ts'

const PATH = '/devices/virtual/block/loop7'
const LINES = [
  `change@${PATH}`,
  'ACTION=change',
  `DEVPATH=${PATH}`,
  'SUBSYSTEM=block',
  'DEVNAME=loop7',
  'SEQNUM=4711',
]

const bytesOf = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\0`).join(''), 'latin1')
const without = (at: number) => LINES.filter((_line, index) => index !== at)
const instead = (at: number, line: string) => LINES.map((one, index) => (index === at ? line : one))

describe('a message', () => {
  test('of the kernel is taken apart', () => {
    expect(parseUevent(bytesOf(LINES))).toEqual({ action: 'change', path: PATH, subsystem: 'block' })
    // An equals sign in a value is the value's; a device may have no subsystem.
    expect(parseUevent(bytesOf([...without(3), 'NAME=a=b']))).toMatchObject({ subsystem: '' })
  })

  test.each([
    ['nothing at all', new Uint8Array(0)],
    ['no NUL at its end', bytesOf(LINES).subarray(0, -1)],
    ['what udev makes of one', bytesOf(['libudev', ...LINES])],
    ['another action in its head', bytesOf(instead(0, `add@${PATH}`))],
    ['another path in its head', bytesOf(instead(0, 'change@/devices/virtual/block/loop8'))],
    ['no action', bytesOf(without(1))],
    ['an action that is no word', bytesOf(['CHANGE@/x', 'ACTION=CHANGE', 'DEVPATH=/x'])],
    ['a path that is none', bytesOf(['add@x', 'ACTION=add', 'DEVPATH=x'])],
    ['a property without a name', bytesOf([...LINES, '=7'])],
    ['a property without a value', bytesOf([...LINES, 'SEQNUM'])],
    ['a name in small letters', bytesOf([...LINES, 'seqnum=7'])],
    [
      'too many properties',
      bytesOf([...LINES, ...Array.from({ length: PROPERTIES_MAX }, (_, at) => `K${at}=`)]),
    ],
    ['too many bytes', bytesOf([...LINES, `LONG=${'x'.repeat(MESSAGE_BYTES_MAX)}`])],
  ])('with %s is none', (_what, message) => {
    expect(parseUevent(message)).toBeNull()
  })

  test('of any bytes is taken or not, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
        const parsed = parseUevent(message)
        if (parsed !== null) expect(parsed.path[0]).toBe('/')
      }),
    )
    // Nearly right: one byte of a good one is another.
    const good = bytesOf(LINES)
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const message = Uint8Array.from(good)
        message[at] = byte
        const parsed = parseUevent(message)
        if (parsed !== null)
          expect(Buffer.from(message).toString('latin1')).toContain(`${parsed.action}@${parsed.path}\0`)
      }),
    )
  })
})

/** A socket that has these messages, or errors by name. */
function socketWith(queue: (Uint8Array | string)[], sender = 0) {
  const closed: number[] = []
  const calls: Netlink = {
    open: () => 7,
    receive(_fd, into): Received {
      const next = queue.shift() ?? 'EAGAIN'
      if (typeof next === 'string') return { bytes: 0, sender: 0, errno: next }
      into.set(next.subarray(0, into.length))
      return { bytes: next.length, sender, errno: null }
    },
    close: (fd) => void closed.push(fd),
  }
  const uevents = kernelUevents(calls)
  expect(uevents.start()).toBeNull()
  return { uevents, closed, queue }
}

describe('what is heard', () => {
  test('counts block devices and nothing else, and what came once is heard once', () => {
    const net = bytesOf(['add@/x', 'ACTION=add', 'DEVPATH=/x', 'SUBSYSTEM=net'])
    const { uevents } = socketWith([bytesOf(LINES), net, bytesOf(LINES), 'EINTR', bytesOf(LINES)])
    expect(uevents.take()).toEqual({ devices: 3, lost: false, errno: null })
    expect(uevents.take()).toEqual({ devices: 0, lost: false, errno: null })
  })

  test('is a bounded number of messages at once; the rest comes next time', () => {
    const { uevents, queue } = socketWith(Array.from({ length: MESSAGES_A_TURN + 10 }, () => bytesOf(LINES)))
    expect(uevents.take().devices).toBe(MESSAGES_A_TURN)
    expect(queue).toHaveLength(10)
    expect(uevents.take().devices).toBe(10)
  })

  test.each([
    ['dropped some', 'ENOBUFS'],
    ['sent one that does not fit', Buffer.alloc(MESSAGE_BYTES_MAX + 1)],
    ['sent one that cannot be read', Buffer.from('garbage')],
  ])('where the kernel %s, any device may have changed', (_what, came) => {
    const { uevents } = socketWith([came, bytesOf(LINES)])
    expect(uevents.take()).toEqual({ devices: 1, lost: true, errno: null })
  })

  test('of others than the kernel is nothing', () => {
    const { uevents } = socketWith([bytesOf(LINES), Buffer.from('garbage')], 4711)
    expect(uevents.take()).toEqual({ devices: 0, lost: false, errno: null })
  })

  test('ends with another error: the socket is closed, once, and asked no more', () => {
    const { uevents, closed, queue } = socketWith(['EBADF', bytesOf(LINES)])
    expect(uevents.take()).toEqual({ devices: 0, lost: false, errno: 'EBADF' })
    uevents.take()
    uevents.stop()
    expect(queue).toHaveLength(1)
    expect(closed).toEqual([7])
  })
})

test('without a socket it says why', () => {
  const calls: Netlink = {
    ...socketWith([]),
    open: () => 'EPERM',
    receive: () => expect.fail(),
    close: () => expect.fail(),
  }
  const uevents = kernelUevents(calls)
  expect(uevents.start()).toBe('EPERM')
  expect(uevents.take()).toEqual({ devices: 0, lost: false, errno: null })
  uevents.stop()
})

test('the machine’s own socket needs no privilege, is asked without waiting, and is closed once', () => {
  const uevents = kernelUevents()
  const errno = uevents.start()
  // A sandbox may have none.
  if (errno === null) {
    expect(uevents.start()).toBeNull()
    expect(uevents.take()).toMatchObject({ errno: null })
  } else expect(errno).toMatch(/^E[A-Z]+$/)
  uevents.stop()
  uevents.stop()
  expect(uevents.take()).toEqual({ devices: 0, lost: false, errno: null })
})
