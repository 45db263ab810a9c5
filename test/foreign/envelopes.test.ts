import { describe, expect, it } from 'vitest'
import { unwrap, YEARLESS } from '../../foreign/envelopes/envelope.ts'
import { civilUs } from '../../foreign/time/calendar.ts'

const TEXT = 'sdb: mark as failed'
const AT_US = civilUs(2026, 2, 3, [9, 0, 1, 123_456])

describe('envelopes', () => {
  it.each([
    ['iso', `2026-02-03T10:00:01.123456+01:00 aspen multipathd[7]: ${TEXT}`],
    ['iso', `2026-02-03T10:00:01.123456+0100 aspen multipathd[7]: ${TEXT}`],
    ['rfc5424', `<30>1 2026-02-03T09:00:01.123456Z aspen multipathd 7 - - ${TEXT}`],
    ['rfc5424', `<30>1 2026-02-03T09:00:01.123456Z aspen multipathd 7 - [a@1 b="c\\]d"] \uFEFF${TEXT}`],
    ['short-full', `Tue 2026-02-03 10:00:01.123456 CET aspen multipathd[7]: ${TEXT}`],
    ['short-unix', `${Math.floor(AT_US / 1e6)}.123456 aspen multipathd[7]: ${TEXT}`],
    ['iso', `2026-02-03T10:00:01.123456+01:00 aspen multipathd[7]: 2026-02-03T09:00:01.1Z stderr F ${TEXT}`],
  ])('%s states the moment: %s', (form, raw) => {
    const line = unwrap(raw)
    expect(line).toMatchObject({ form, host: 'aspen', program: 'multipathd', pid: '7', text: TEXT })
    expect(line.stamp).toMatchObject({ us: AT_US, precisionUs: 1, zone: 'stated' })
  })

  it('says that a zone is assumed where its name has several meanings', () => {
    expect(unwrap('Tue 2026-02-03 10:00:01 CST aspen kernel: x').stamp?.zone).toBe('assumed')
    expect(unwrap('Tue 2026-02-03 10:00:01 XYZ aspen kernel: x').stamp).toMatchObject({
      us: null,
      zone: 'none',
    })
  })

  it('keeps that a syslog stamp has no year, and the uptime in brackets', () => {
    const line = unwrap(
      'Feb  3 10:00:01 aspen kernel: [12345.678901]  connection1:0: detected conn error (1022)',
    )
    expect(line).toMatchObject({
      form: 'syslog',
      program: 'kernel',
      pid: null,
      text: ' connection1:0: detected conn error (1022)',
    })
    const wallUs = civilUs(YEARLESS, 2, 3, [10, 0, 1])
    expect(line.stamp).toMatchObject({
      us: null,
      yearless: true,
      wallUs,
      monoUs: 12_345_678_901,
      precisionUs: 1_000_000,
    })
    expect(unwrap('Feb  3 10:00:01 aspen multipathd: 8:16: mark as failed')).toMatchObject({
      program: 'multipathd',
      text: '8:16: mark as failed',
    })
  })

  it.each([
    ['dmesg', '[12345.678901] x', 'x'],
    ['dmesg', '[12345.678901][ T123] x', 'x'],
    ['dmesg', 'kern  :err   : [12345.678901] x', 'x'],
    ['kmsg', '3,1234,12345678901,-;x\\x0ay', 'x\ny'],
    ['multipath', '12345.678901 | x', 'x'],
    ['short-monotonic', '[12345.678901] aspen kernel: x', 'x'],
  ])('%s states an uptime: %s', (form, raw, text) => {
    expect(unwrap(raw)).toMatchObject({ form, text, stamp: { us: null, monoUs: 12_345_678_901 } })
  })

  it('takes stamps that were computed from an uptime for approximate', () => {
    expect(unwrap('[Tue Feb  3 10:00:01 2026] x')).toMatchObject({
      form: 'dmesg-T',
      stamp: { approximate: true },
    })
    expect(unwrap('2026-02-03T10:00:01,123456+01:00 x')).toMatchObject({
      form: 'dmesg-iso',
      stamp: { approximate: true },
    })
  })

  it('reads the console form and the command line of multipath', () => {
    expect(unwrap('kern: warning: [2026-02-03T09:00:01.123456789Z]: x')).toMatchObject({
      form: 'console',
      stamp: { us: AT_US },
      text: 'x',
    })
    expect(unwrap('Feb 03 10:00:01 | x')).toMatchObject({
      form: 'multipath',
      program: 'multipath',
      text: 'x',
    })
  })

  it('believes in a journal only what came from where it says', () => {
    const entry = {
      __REALTIME_TIMESTAMP: '1',
      SYSLOG_IDENTIFIER: 'kernel',
      _TRANSPORT: 'syslog',
      MESSAGE: [120, 121],
    }
    expect(unwrap(JSON.stringify(entry))).toMatchObject({ program: 'claims to be kernel', text: 'xy' })
    expect(
      unwrap(JSON.stringify({ ...entry, _TRANSPORT: 'kernel', SYSLOG_IDENTIFIER: undefined })),
    ).toMatchObject({ program: 'kmsg' })
    expect(unwrap('{"__REALTIME_TIMESTAMP": ').form).toBe('bare')
  })
})
