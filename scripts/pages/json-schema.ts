// What a value may be, in words, from its JSON Schema.
import { code } from './markdown.ts'

/** As much of JSON Schema as ours use; anything else throws. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: string | number | boolean | null
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
}

/** Schemas with a name of their own, by their JSON. */
export type Names = ReadonlyMap<string, string>

/** 'text or null', 'list of up to 8 evidence': one line, for a table. */
export function typeInWords(schema: Schema, names: Names): string {
  const name = names.get(JSON.stringify(schema))
  if (name !== undefined) return name
  if (Object.keys(schema).length === 0) return 'any JSON'
  if (schema.const !== undefined) return code(String(schema.const))
  if (schema.enum !== undefined) return `one of ${schema.enum.map(code).join(', ')}`
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeInWords(one, names)).join(' or ')
  if (typeof schema.type === 'object') return schema.type.map((type) => simple({ type })).join(', ')
  if (schema.type === 'array') return listInWords(schema, names)
  if (schema.properties !== undefined) return `{ ${fieldsInWords(schema, names)} }`
  if (typeof schema.additionalProperties === 'object') {
    return `map of text to ${typeInWords(schema.additionalProperties, names)}`
  }
  return simple(schema)
}

/** '`wwid` text; `sizeBytes` whole': the fields of an object. */
export function fieldsInWords({ properties = {} }: Schema, names: Names): string {
  return Object.entries(properties)
    .map(([key, value]) => `${code(key)} ${typeInWords(value, names)}`)
    .join('; ')
}

function listInWords({ items = {}, maxItems }: Schema, names: Names): string {
  return `list of ${maxItems === undefined ? '' : `up to ${maxItems} `}${typeInWords(items, names)}`
}

const SIMPLE: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
}

function simple(schema: Schema): string {
  if (schema.type === 'integer') return `whole${range(schema)}`
  const word = SIMPLE[schema.type as string]
  if (word === undefined) throw new Error(`no words for ${JSON.stringify(schema)}`)
  return word
}

/** Nothing for 0 and above, which is what a whole number is unless it says otherwise. */
function range({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): string {
  if (maximum === Number.MAX_SAFE_INTEGER) return minimum === 0 ? '' : ` from ${minimum}`
  return ` from ${minimum} to ${maximum}`
}
