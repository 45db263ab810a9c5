// docs/settings.md: every setting with its default, its range and why, from engine/core/settings.ts, in groups.
import type ts from 'typescript'
import { z } from 'zod'
import { settingsSchema } from '../../engine/core/settings.ts'
import { typeInWords, type Schema } from './json-schema.ts'
import { code, page, table, wrapped } from './markdown.ts'
import { SETTINGS_GROUPS, ungrouped } from './settings-groups.ts'
import { docstringOf, objectOf, sourceOf } from './sources.ts'

const MiB = 1024 * 1024

export function settingsPage(): Promise<string> {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input' }) as Schema
  const reasons = reasonsOf(objectOf(sourceOf('engine/core/settings.ts'), 'settingsSchema'))
  const settings = schema.properties ?? {}
  const lost = ungrouped(Object.keys(settings))
  if (lost.length > 0) throw new Error(`no group of scripts/pages/settings-groups.ts has ${lost.join(', ')}`)
  const parts = SETTINGS_GROUPS.flatMap(({ title, about, names }) => [
    `## ${title}`,
    about,
    table(
      ['setting', 'default', 'range'],
      names.flatMap((name) => rowsOf(name, settings[name])),
    ),
    names.map((name) => reasonOf(name, reasons)).join('\n'),
  ])
  return page(
    'Settings',
    'Settings are passed to `Multipath.open({ ledger, ...settings })`. All of them are optional. A value out of its range,\n' +
      'a wrong word or an unknown name is `SETTINGS_INVALID`, and nothing is opened. Names end with their unit: `Ms`\n' +
      'milliseconds, `Us` microseconds, `Bytes` bytes.',
    ...parts,
  )
}

function rowsOf(name: string, setting: Schema | undefined): string[][] {
  if (setting === undefined) throw new Error(`there is no setting ${name} in engine/core/settings.ts`)
  const { properties } = setting
  if (properties === undefined) return [[code(name), figure(name, setting.default), rangeOf(name, setting)]]
  return Object.entries(properties).map(([key, inner]) => [
    code(`${name}.${key}`),
    figure(key, inner.default),
    rangeOf(key, inner),
  ])
}

/** Why a setting is there, as an entry of a list whose lines fit a terminal. */
function reasonOf(name: string, reasons: ReadonlyMap<string, string>): string {
  const reason = reasons.get(name)
  if (reason === undefined) throw new Error(`the setting ${name} has no docstring in engine/core/settings.ts`)
  return wrapped(`- ${code(name)}: ${reason}`, '  ')
}

/** The docstring of each setting. One without has that of the setting above it, which then speaks of both. */
export function reasonsOf(object: ts.ObjectLiteralExpression): Map<string, string> {
  const reasons = new Map<string, string>()
  let last: string | null = null
  for (const property of object.properties) {
    last = docstringOf(property) ?? last
    if (last !== null && property.name !== undefined) reasons.set(property.name.getText(), last)
  }
  return reasons
}

function rangeOf(name: string, setting: Schema): string {
  const { minimum, maximum } = setting
  if (minimum === undefined || maximum === undefined) return typeInWords(setting, new Map())
  return `${figure(name, minimum)} to ${figure(name, maximum)}`
}

/** A value as it is written, and in larger units where it is in bytes. */
function figure(name: string, value: unknown): string {
  if (typeof value !== 'number') return code(String(value))
  const mebi = name.includes('Bytes') && value % MiB === 0
  return mebi ? `${value} (${value / MiB} MiB)` : String(value)
}
