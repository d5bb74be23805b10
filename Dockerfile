FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production TIDEMARK_DATA=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/examples examples
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
# There is no nats-server in this image: NATS_URL names one.
ENV NATS_URL=nats://nats:4222
ENTRYPOINT ["node", "dist/src/cli/main.js", "start", "--http-host", "0.0.0.0"]
