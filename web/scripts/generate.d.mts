export function types(): Promise<string>;
export function findings(language: string): Promise<string>;
