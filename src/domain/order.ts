/** One group of a platform's order contract (design rule 2): who comes when, one by one or not, and what may fail. */
export interface OrderGroup {
  readonly role: string;
  readonly title: string;
  /** One at a time is compulsory. */
  readonly serial: boolean;
  readonly leaderLast: boolean;
  /** Members vote: losing one more than the quorum allows is refused. */
  readonly manager: boolean;
  /** Roles that must be complete before this one is touched. */
  readonly after: readonly string[];
  readonly budget: "none" | "rollout";
}
