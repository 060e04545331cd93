# A coordinator or a node of PJAS, from the lockfile: docker build --tag pjas .
FROM node:20.20-bookworm-slim AS build
WORKDIR /pjas
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:20.20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /pjas
COPY --from=build /pjas/package.json /pjas/README.md /pjas/LICENSE ./
COPY --from=build /pjas/node_modules node_modules
COPY --from=build /pjas/dist dist
COPY --from=build /pjas/packaging/healthy.mjs packaging/healthy.mjs
# What it keeps belongs to the user that it runs as; a new volume takes that over.
RUN install --directory --owner=node --group=node --mode=0700 /data \
	&& ln --symbolic /pjas/dist/daemon/pjas-daemon.cjs /usr/local/bin/pjas-daemon \
	&& ln --symbolic /pjas/dist/bundle/pjas-tui.js /usr/local/bin/pjas-tui
USER node
VOLUME /data
EXPOSE 3000 8420
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/pjas/packaging/healthy.mjs"]
ENTRYPOINT ["pjas-daemon"]
CMD ["--role", "coordinator", "--host", "0.0.0.0", "--data", "/data"]
