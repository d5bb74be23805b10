/** What schemas of the OpenAPI document are put together from. */

export type Json = Readonly<Record<string, unknown>>;

export const text = { type: 'string' };
export const id = { type: 'string', minLength: 1, maxLength: 128, description: '1 to 128 bytes of UTF-8.' };
export const label = { type: 'string', maxLength: 128 };
export const instant = { type: 'string', format: 'date-time', description: 'RFC 3339.' };
export const whole = { type: 'integer' };
export const position = { type: 'integer', minimum: 0 };
export const nullableText = { type: ['string', 'null'] };

/** Every property is required unless it is listed in `optional`; nothing else may be there. */
export function object(properties: Json, optional: readonly string[] = [], more: Json = {}): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false, ...more };
}

export function list(items: Json, more: Json = {}): Json {
  return { type: 'array', items, ...more };
}
