/** A service that listens at a socket file of its node. */
export interface SocketPlace {
  /** Absolute path on the node, where the inventory names no other. */
  readonly path: string;
  /** A command of the node whose input and output are a connection to the socket, for SSH servers that open none. */
  readonly dial: (path: string) => readonly string[];
}

/**
 * Versions of an API: every server speaks some of them, and says which. Whoever asks names paths without one; on the way each path gets
 * the version in front that the asked server speaks, found out per server, and again once it may be another one.
 */
export interface ApiVersions {
  /** Path that is asked without a version. */
  readonly ask: string;
  /** What comes before a path, from the body of that answer, such as `/v1.41`; null: nothing that pawl can speak. */
  readonly prefix: (body: string) => string | null;
  /** What the server speaks and pawl does, for people. */
  readonly speaks: string;
  /** The server turned a request down because of its version, before it did anything. */
  readonly unfit: (status: number, body: string) => boolean;
}

/** How one service of a product is reached where plain http at its own port is not the way. */
export interface WebService {
  /** Port that speaks TLS where security is on; null: this service never does. */
  readonly securePort: number | null;
  /** Where the product's front door leads to it; null: nowhere. */
  readonly gateway: {
    /** Path at the front door that stands for `/` of the service. */
    readonly path: string;
    /** Whose word comes back: that of the node the door stands on, or of whoever leads. */
    readonly answers: "node" | "leader";
    /** Paths of the service that may be asked there. Where the leader answers: those that every node answers with the leader's word anyway. */
    readonly paths: RegExp;
  } | null;
  /** It listens at a socket of its node, and has no plain port; without it, it has. */
  readonly socket?: SocketPlace;
  /** Its paths begin with a version that each server is asked for. */
  readonly api?: ApiVersions;
}

/** What a product's web servers need besides a port. */
export interface WebProduct {
  /** By the names the ports have. */
  readonly services: Readonly<Record<string, WebService>>;
  /** The front door; without it there is none. */
  readonly gateway?: {
    /** For messages. */
    readonly name: string;
    /** Its name among the inventory's ports, and its port where that says nothing. */
    readonly service: string;
    readonly port: number;
    /** Roles of the nodes it stands on. */
    readonly roles: readonly string[];
    /** Path a login is posted to. */
    readonly loginPath: string;
  };
  /** What stands before the token in the Authorization header. */
  readonly tokenPrefix: string;
}
