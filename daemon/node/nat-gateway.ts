/** A router between this machine and the others, that leads one of its ports here when it is asked to. */
export type NatGateway = {
	/** The address that the others see, where a router tells it. */
	externalIp: () => Promise<string | undefined>;
	/** Has a port of the router lead to a port of this machine, for so long. Says whether it does. */
	map: (publicPort: number, privatePort: number) => Promise<boolean>;
	unmap: (publicPort: number, privatePort: number) => Promise<void>;
	/** Lets go of the sockets. */
	close: () => Promise<void>;
};

/** How long a mapping lasts that nobody renews. */
export const LEASE_MS = 60 * 60 * 1000;

/** Asks routers by NAT-PMP (RFC 6886), and by UPnP as an Internet Gateway Device. */
export const openNatGateway = async (): Promise<NatGateway> => {
	const {default: NatAPI} = await import('@silentbot1/nat-api');
	const description = 'PJAS node';
	// Its own renewals don't come over NAT-PMP; ours do.
	const client = new NatAPI({ttl: LEASE_MS / 1000, description, autoUpdate: false, upnpPermanentFallback: true});
	// Without somebody who listens, an error of its socket (another program has its port, say) would end the process.
	client._pmpClient?.on('error', () => undefined);

	/** With such an error its socket is gone, and a new one would have nobody who listens. */
	const asked = () => {
		if (client._pmpClient?.socket === null) client._pmpClient = null;
		return client;
	};

	const mappedOf = (publicPort: number, privatePort: number) =>
		({publicPort, privatePort, protocol: 'TCP', description}) as const;
	return {
		externalIp: async () => (await asked().externalIp()) || undefined,
		map: async (publicPort, privatePort) => asked().map(mappedOf(publicPort, privatePort)),
		async unmap(publicPort, privatePort) {
			await asked().unmap(mappedOf(publicPort, privatePort));
		},
		async close() {
			await asked().destroy();
		},
	};
};
