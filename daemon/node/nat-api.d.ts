declare module '@silentbot1/nat-api' {
	import type {EventEmitter} from 'node:events';

	type Mapped = {publicPort: number; privatePort: number; protocol: 'TCP' | 'UDP'; description?: string; ttl?: number};

	export default class NatAPI {
		constructor(options?: {ttl?: number; description?: string; autoUpdate?: boolean; upnpPermanentFallback?: boolean});
		/** The half that speaks NAT-PMP, where there is a default route. */
		_pmpClient: (EventEmitter & {socket: object | null}) | null;
		map(mapped: Mapped): Promise<boolean>;
		unmap(mapped: Mapped): Promise<boolean>;
		/** Empty where no router says it. */
		externalIp(): Promise<string>;
		destroy(): Promise<boolean>;
	}
}
