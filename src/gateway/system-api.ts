/** What operators and their tools ask: alive, ready, metrics, the OpenAPI document. */
import { ERRORS, Refusal } from './errors.ts';
import { json, type Route } from './http.ts';
import { openApiDocument } from './openapi.ts';
import type { GatewayDeps } from './ports.ts';

export const LIVE_PATH = '/v1/live';

export function systemRoutes({ health, renderMetrics }: Pick<GatewayDeps, 'health' | 'renderMetrics'>): Route[] {
  const openApi = json(200, openApiDocument());
  return [
    { path: '/healthz', methods: { GET: { handle: () => json(200, { status: 'ok' }) } } },
    {
      path: '/readyz',
      methods: {
        GET: {
          handle: () => {
            const state = health();
            if (state.ready) return json(200, state);
            const why = state.logConnected ? 'Not every partition is caught up yet.' : 'The log cannot be reached.';
            return new Refusal('not_ready', why, { beside: state });
          },
        },
      },
    },
    {
      path: '/metrics',
      methods: {
        GET: {
          handle: async () => {
            const { contentType, text } = await renderMetrics();
            return { status: 200, contentType, body: text };
          },
        },
      },
    },
    { path: '/openapi.json', methods: { GET: { handle: () => openApi } } },
    {
      // Sockets are taken before routing; this is for whoever comes without an upgrade.
      path: LIVE_PATH,
      methods: {
        GET: {
          handle: () =>
            new Refusal('upgrade_required', ERRORS.upgrade_required.help, { headers: { Upgrade: 'websocket' } }),
        },
      },
    },
  ];
}
