// Section 4: which designator of page 0x83 names a logical unit, and how it is written.
import { describe, expect, test } from 'vitest'
import { bytesOf } from '../../../adapters/scsi/bytes.ts'
import {
  buildDeviceIdentification,
  designatorOf,
  parseDeviceIdentification,
  type Designator,
} from '../../../adapters/scsi/designators.ts'
import { lunId, targetPort } from '../../../adapters/scsi/lun-id.ts'

const T10 = 1
const EUI = 2
const NAA = 3
const NAME = 8

function unit(type: number, bytes: Uint8Array | readonly number[], association = 0): Designator {
  return { type, association, bytes: Uint8Array.from(bytes) }
}
const naa = (nibble: number, length: number): Designator =>
  unit(NAA, [nibble * 16, ...Array.from({ length: length - 1 }, (_, at) => at + 1)])
const eui = (length: number): Designator =>
  unit(
    EUI,
    Array.from({ length }, (_, at) => 0xa0 + at),
  )
const t10 = (text: string): Designator => unit(T10, bytesOf(text))
const name = (text: string): Designator => unit(NAME, bytesOf(text))

const idOf = (designators: readonly Designator[], buffer?: number): string =>
  lunId(buildDeviceIdentification(designators), buffer).id

const NAA6 = 'naa.600102030405060708090a0b0c0d0e0f'
const NAA5 = 'naa.5001020304050607'
const NAME_LONG = 'iqn.2026-11.example:a-name-that-is-longer-than-an-naa'

describe('the priority of designators', () => {
  // From the best to the worst; each must win over all after it, whichever comes first.
  const RANKED: readonly (readonly [string, Designator, string])[] = [
    ['a SCSI name string', name(NAME_LONG), NAME_LONG],
    ['NAA registered extended', naa(6, 16), NAA6],
    ['EUI-64 of 16', eui(16), 'eui.a0a1a2a3a4a5a6a7a8a9aaabacadaeaf'],
    ['EUI-64 of 12', eui(12), 'eui.a0a1a2a3a4a5a6a7a8a9aaab'],
    ['NAA registered', naa(5, 8), NAA5],
    ['NAA of nibble 4', naa(4, 8), 'naa.4001020304050607'],
    ['EUI-64 of 8', eui(8), 'eui.a0a1a2a3a4a5a6a7'],
    ['NAA locally assigned', naa(3, 8), 'naa.3001020304050607'],
  ]

  test.each(RANKED.map(([what, designator, text], rank) => ({ what, designator, text, rank })))(
    '$what is written $text and wins over the worse',
    ({ designator, text, rank }) => {
      expect(idOf([designator])).toBe(text)
      for (const [, worse] of RANKED.slice(rank + 1)) {
        expect(idOf([designator, worse])).toBe(text)
        expect(idOf([worse, designator])).toBe(text)
      }
    },
  )

  test('a T10 vendor id is as good as an NAA locally assigned: the later wins, if it is no shorter', () => {
    expect(idOf([t10('VENDOR')])).toBe('t10.VENDOR')
    expect(idOf([naa(3, 8), t10('VENDOR  longer')])).toBe('t10.VENDOR  longer')
    expect(idOf([naa(3, 8), t10('SHORT')])).toBe('naa.3001020304050607')
    expect(idOf([t10('VENDOR  longer'), naa(3, 8)])).toBe('naa.3001020304050607')
    expect(idOf([t10('VENDOR  one'), t10('VENDOR  two')])).toBe('t10.VENDOR  two')
    expect(idOf([t10('VENDOR  longer'), t10('VENDOR')])).toBe('t10.VENDOR  longer')
  })

  test('between equals the later NAA or EUI wins', () => {
    const other = unit(NAA, [0x60, ...Array.from({ length: 15 }, () => 0xff)])
    expect(idOf([naa(6, 16), other])).toBe(`naa.60${'ff'.repeat(15)}`)
    expect(idOf([other, naa(6, 16)])).toBe(NAA6)
    expect(
      idOf([
        eui(8),
        unit(
          EUI,
          Array.from({ length: 8 }, () => 1),
        ),
      ]),
    ).toBe('eui.0101010101010101')
  })

  test('a name string shorter than what was chosen does not displace it, whatever its priority', () => {
    expect(idOf([naa(6, 16), name('iqn.a')])).toBe(NAA6)
    expect(idOf([name('iqn.a'), naa(6, 16)])).toBe('iqn.a')
    expect(idOf([naa(6, 16), name('iqn.exactly16byte')])).toBe('iqn.exactly16byte')
  })

  test('nothing else names a logical unit', () => {
    const others = [
      unit(0, bytesOf('vendor')),
      naa(2, 8),
      naa(1, 8),
      naa(7, 16),
      unit(EUI, [1, 2, 3]),
      unit(4, [0, 0, 0, 1]),
      unit(5, [0, 0, 0, 1]),
      unit(
        7,
        Array.from({ length: 16 }, () => 1),
      ),
      unit(NAA, [0x60, ...Array.from({ length: 15 }, () => 1)], 1),
      unit(NAME, bytesOf('iqn.of-a-port'), 1),
      unit(NAME, bytesOf('iqn.of-a-target'), 2),
      unit(NAA, []),
      unit(T10, []),
    ]
    for (const designator of others) {
      expect(() => idOf([designator])).toThrow(expect.objectContaining({ code: 'VPD_NO_ID' }) as Error)
      expect(idOf([naa(3, 8), designator])).toBe('naa.3001020304050607')
    }
  })

  test('an NAA of a length without a text form is skipped: it takes nobody’s place', () => {
    for (const length of [1, 7, 9, 12, 15, 17, 32]) {
      expect(idOf([naa(5, 8), naa(6, length)])).toBe(NAA5)
      expect(() => idOf([naa(6, length)])).toThrow(expect.objectContaining({ code: 'VPD_NO_ID' }) as Error)
    }
  })
})

describe('the text of an id', () => {
  test('T10: what is not printable is escaped', () => {
    expect(idOf([unit(T10, [0x41, 0x00, 0x07, 0x09, 0x0a, 0x0d, 0x1b, 0x80, 0xff, 0x20, 0x7e])])).toBe(
      't10.A\\0\\a\\t\\n\\r\\e\\200\\377 ~',
    )
  })

  test('a name string ends with its zeros', () => {
    expect(idOf([name('iqn.padded\0\0\0\0')])).toBe('iqn.padded')
  })

  test('D-10: an empty id is no id', () => {
    for (const text of ['\0\0\0\0', '\0iqn']) {
      expect(() => idOf([name(text)])).toThrow(expect.objectContaining({ code: 'VPD_NO_ID' }) as Error)
    }
    expect(() => idOf([])).toThrow(expect.objectContaining({ code: 'VPD_NO_ID', errno: 'EINVAL' }) as Error)
  })

  test('D-9: is cut to the buffer, and its length in full is told: a cut id is seen to be cut', () => {
    const long = `iqn.${'x'.repeat(251)}`
    const page = buildDeviceIdentification([name(long)])
    expect(lunId(page, 256)).toEqual({ id: long, length: 255 })
    expect(lunId(page, 255)).toEqual({ id: long.slice(0, 254), length: 255 })
    expect(lunId(buildDeviceIdentification([naa(6, 16)]), 21)).toEqual({ id: NAA6.slice(0, 20), length: 36 })
    const t10Page = buildDeviceIdentification([t10('V'.repeat(100))])
    expect(lunId(t10Page, 40)).toEqual({ id: `t10.${'V'.repeat(35)}`, length: 104 })
  })

  test('a name string that does not fit comes after everything but T10 and local ones', () => {
    const long = name(`iqn.${'x'.repeat(60)}`)
    expect(idOf([long, eui(8)], 40)).toBe('eui.a0a1a2a3a4a5a6a7')
    expect(idOf([eui(8), long], 40)).toBe('eui.a0a1a2a3a4a5a6a7')
    expect(idOf([naa(3, 8), long], 40)).toBe(`iqn.${'x'.repeat(35)}`)
    // As long as the buffer is not longer than it: only its end is cut.
    const exact = name(`iqn.${'x'.repeat(36)}`)
    expect(idOf([exact, eui(8)], 40)).toBe(`iqn.${'x'.repeat(35)}`)
  })

  test('no page is ENXIO, a buffer under 21 bytes EINVAL', () => {
    expect(() => lunId(null)).toThrow(
      expect.objectContaining({ code: 'VPD_NO_PAGE', errno: 'ENXIO' }) as Error,
    )
    const page = buildDeviceIdentification([naa(6, 16)])
    for (const buffer of [0, 20, -1, 1.5, Number.NaN]) {
      expect(() => lunId(page, buffer)).toThrow(
        expect.objectContaining({ code: 'VPD_BUFFER', errno: 'EINVAL' }) as Error,
      )
    }
    expect(lunId(page, 21).length).toBe(36)
  })

  test('an id makes the designator that makes the id', () => {
    const ids = [NAA6, NAA5, 'eui.a0a1a2a3a4a5a6a7', 'naa.2001020304050607', 'naa.60', 'iqn.x', 'my-lun']
    for (const id of ids) expect(idOf([designatorOf(id)])).toBe(id)
    expect(designatorOf(NAA6).type).toBe(NAA)
    expect(designatorOf('naa.2001020304050607').type).toBe(NAME)
  })
})

describe('D-11: the bounds of page 0x83', () => {
  const page = buildDeviceIdentification([naa(5, 8), naa(6, 16)])

  test('a page cut anywhere gives what is whole in it, or a typed error; never what lies behind', () => {
    for (let length = 0; length <= page.length; length += 1) {
      const cut = page.slice(0, length)
      const found = length < 4 ? null : parseDeviceIdentification(cut).length
      expect(found).toBe(length < 4 ? null : length < 16 ? 0 : length < page.length ? 1 : 2)
      if (length < 4) {
        expect(() => lunId(cut)).toThrow(expect.objectContaining({ code: 'SCSI_TRUNCATED' }) as Error)
      }
    }
  })

  test('a descriptor that says it is longer than the page ends the walk', () => {
    for (const length of [17, 100, 255]) {
      const lying = page.slice()
      lying[16 + 3] = length
      expect(lunId(lying).id).toBe(NAA5)
    }
    const shortPage = page.slice()
    shortPage[3] = 12
    expect(lunId(shortPage).id).toBe(NAA5)
  })

  test('bytes behind the page are not part of it', () => {
    const behind = new Uint8Array([...buildDeviceIdentification([naa(5, 8)]), ...page.slice(16)])
    expect(lunId(behind).id).toBe(NAA5)
  })

  test('another page is refused by name', () => {
    const other = page.slice()
    other[1] = 0x80
    expect(() => lunId(other)).toThrow(expect.objectContaining({ code: 'SCSI_MALFORMED' }) as Error)
  })
})

describe('the target port group', () => {
  test('is that of a designator of type 5, whatever its association', () => {
    for (const association of [0, 1, 2]) {
      const page = buildDeviceIdentification([
        naa(6, 16),
        unit(4, [0, 0, 0x01, 0x02], association),
        unit(5, [0, 0, 0xab, 0xcd], association),
      ])
      expect(targetPort(page)).toEqual({ group: 0xabcd, port: 0x0102 })
    }
  })

  test('D-62: none is EAGAIN and no page ENXIO, by name and never by the sign of a number', () => {
    const none = buildDeviceIdentification([naa(6, 16), unit(5, [0, 0, 1])])
    expect(() => targetPort(none)).toThrow(
      expect.objectContaining({ code: 'VPD_NO_GROUP', errno: 'EAGAIN' }) as Error,
    )
    expect(() => targetPort(null)).toThrow(
      expect.objectContaining({ code: 'VPD_NO_PAGE', errno: 'ENXIO' }) as Error,
    )
  })
})
