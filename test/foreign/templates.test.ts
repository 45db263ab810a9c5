import { describe, expect, it } from 'vitest'
import { lineOf } from '../../foreign/envelopes/envelope.ts'
import { read, TEMPLATES } from '../../foreign/templates/index.ts'
import type { Template } from '../../foreign/templates/template.ts'

const PROGRAM = { multipathd: 'multipathd', kernel: 'kernel', iscsid: 'iscsid', system: 'systemd' } as const

function reading({ of, line }: Template): ReturnType<typeof read> {
  return read(lineOf('test', null, { program: PROGRAM[of], text: line }))
}

describe('templates', () => {
  it('are data with a name of their own, version notes and a line each', () => {
    expect(new Set(TEMPLATES.map(({ id }) => id)).size).toBe(TEMPLATES.length)
    expect(TEMPLATES.filter(({ versions, line }) => versions === '' || line === '')).toEqual([])
  })

  it.each(TEMPLATES.map((template) => [template.id, template] as const))(
    '%s fits its line, and says what it says',
    (_id, template) => {
      const found = reading(template)
      if (template.says === 'noise') expect(found.kind).toBe('noise')
      else
        expect(found).toMatchObject({
          kind: 'statement',
          statement: { template: template.id, says: template.says },
        })
    },
  )

  it('fits no line that is cut, and none that only has a word of it', () => {
    const texts = [
      'sdb: mark as fail',
      'mpatha: remaining active paths:',
      'sdb failed somehow',
      'mpatha: sdb - tur checker reports',
    ]
    for (const text of texts)
      expect(read(lineOf('test', null, { program: 'multipathd', text })).kind).toBe('unread')
  })

  it('takes both spellings of a name, and leading blanks of the kernel', () => {
    const fields = (program: string, text: string): unknown => {
      const found = read(lineOf('test', null, { program, text }))
      return found.kind === 'statement' ? found.statement.fields : null
    }
    expect(fields('multipathd', '8:16: mark as failed')).toEqual({ devt: '8:16' })
    expect(fields('multipathd', 'sdb: mark as failed')).toEqual({ dev: 'sdb' })
    expect(fields('multipathd', '8:16: path removed from map mpatha')).toEqual({
      devt: '8:16',
      map: 'mpatha',
    })
    expect(fields('multipathd', 'sdb [8:16]: path removed from map mpatha')).toEqual({
      dev: 'sdb',
      devt: '8:16',
      map: 'mpatha',
    })
    expect(fields('kernel', ' connection2:0: detected conn error (1022)')).toEqual({
      sid: '2',
      cid: '0',
      code: '1022',
    })
    expect(fields('kernel', 'device-mapper: multipath: Failing path 8:16.')).toEqual({ devt: '8:16' })
  })

  it('leaves what is not understood of storage unread, and the rest of the kernel alone', () => {
    const kind = (text: string): string => read(lineOf('test', null, { program: 'kernel', text })).kind
    expect(kind('sd 1:0:0:5: [sdb] tag#3 a wording of tomorrow')).toBe('unread')
    expect(kind('nvme nvme3: a wording of tomorrow')).toBe('unread')
    expect(kind('usb 1-1: new high-speed USB device')).toBe('noise')
  })
})
