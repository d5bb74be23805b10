/** `GET` and `PUT /v1/program`: the program in force, and a new version of it. */
import { PROGRAM_BYTES_MAX } from '../limits.ts';
import { decodeText, PROGRAM_TYPES } from './body.ts';
import { brokerTrouble } from './broker-link.ts';
import { Refusal } from './errors.ts';
import { type Answer, type Call, json, type Route } from './http.ts';
import type { GatewayDeps } from './ports.ts';

export type ProgramApiDeps = Pick<GatewayDeps, 'program' | 'isUnavailable'>;

export function programRoutes(deps: ProgramApiDeps): Route[] {
  const body = { bytesMax: PROGRAM_BYTES_MAX, types: PROGRAM_TYPES };
  const methods = {
    GET: { handle: () => getProgram(deps) },
    PUT: { body, handle: (call: Call) => putProgram(deps, call) },
  };
  return [{ path: '/v1/program', methods }];
}

async function getProgram({ program, isUnavailable }: ProgramApiDeps): Promise<Answer> {
  try {
    const current = await program.current();
    if (current === undefined) return new Refusal('program_not_found');
    return json(200, { version: current.version, document: current.document });
  } catch (error) {
    if (!isUnavailable(error) && brokerTrouble(error) === undefined) throw error;
    return new Refusal('not_ready', 'The program cannot be read at the moment. Try again.');
  }
}

async function putProgram({ program, isUnavailable }: ProgramApiDeps, { body }: Call): Promise<Answer> {
  const text = decodeText(body);
  if (text instanceof Refusal) return text;
  try {
    const put = await program.put(text);
    if (put.ok) return json(202, { version: put.version });
    if (put.reason === 'invalid') return new Refusal('program_invalid', undefined, { beside: { issues: put.issues } });
    const message = `version ${put.version} is in force; the new one needs a higher \`version\``;
    return new Refusal('program_version_not_higher', message, { path: 'version' });
  } catch (error) {
    if (!isUnavailable(error) && brokerTrouble(error) === undefined) throw error;
    return new Refusal('log_unavailable', 'The log could not confirm that the program is stored. Send it again.');
  }
}
