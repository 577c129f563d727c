import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import type { CasesSearch } from "./route";

export type Case = Schemas["CaseBody"];
export type CaseContent = Schemas["CaseContentBody"];
export type Part = Schemas["PartRequest"];
export type Change = Schemas["CaseChangeRequest"];

export function casesQuery({ tab }: CasesSearch) {
  const query = {
    status: tab === "closed" ? ["closed", "merged"] : tab === "all" ? [] : ["open", "contained"],
    owner: tab === "mine" ? "me" : undefined,
    limit: 200,
  };
  return queryOptions({
    queryKey: ["cases", "list", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/cases", { params: { query }, signal })),
  });
}

export function caseQuery(id: number) {
  return queryOptions({
    queryKey: ["cases", "one", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/cases/{id}", { params: { path: { id } }, signal })),
  });
}

/** Changing a case; what it holds afterwards is shown at once. */
export function useCase(id: number) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const problem = useProblemText();
  const refresh = () => queries.invalidateQueries({ queryKey: ["cases"] });
  const onError = (error: unknown) => {
    toast({ text: problem(error), bad: true });
    void refresh();
  };
  const path = { id };
  const put = useMutation({
    mutationFn: (part: Part) => body(api.POST("/api/v1/cases/{id}/parts", { params: { path }, body: part })),
    onSuccess: (content) => queries.setQueryData(caseQuery(id).queryKey, content),
    onError,
  });
  const change = useMutation({
    mutationFn: (to: Change) => body(api.PATCH("/api/v1/cases/{id}", { params: { path }, body: to })),
    onSuccess: refresh,
    onError,
  });
  const merge = useMutation({
    mutationFn: (into: number) => body(api.POST("/api/v1/cases/{id}/merge", { params: { path }, body: { into } })),
    onSuccess: refresh,
    onError,
  });
  const addFile = useMutation({
    mutationFn: (file: File) =>
      body(
        api.POST("/api/v1/cases/{id}/files", {
          params: { path, query: { name: file.name } },
          // The description knows bytes as a list of numbers; what is sent is the file.
          body: file as unknown as number[],
          bodySerializer: (content) => content as unknown as BodyInit,
          headers: { "content-type": file.type || "application/octet-stream" },
        }),
      ),
    onSuccess: async () => {
      toast({ text: t("cases.fileAdded") });
      await refresh();
    },
    onError,
  });
  return { put, change, merge, addFile };
}

export function useCreateCase(onDone: (made: Case) => void) {
  const queries = useQueryClient();
  const problem = useProblemText();
  return useMutation({
    mutationFn: (made: Schemas["CaseRequest"]) => body(api.POST("/api/v1/cases", { body: made })),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["cases"] });
      onDone(made);
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
}
