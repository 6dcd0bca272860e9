/** Media type of a captured document that a report prints as it is: `{ title, note?, …tables of plain rows }`. */
export const DOCUMENT_TYPE = "application/vnd.pawl.document+json";

/** Media type of a captured picture that a report shows. */
export const FIGURE_TYPE = "image/svg+xml";
