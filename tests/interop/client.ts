// A caller of the API in TypeScript: compiled with --strict, never run.
import createClient from "openapi-fetch";
import type { paths } from "./api";

const client = createClient<paths>({ baseUrl: "https://plaudit.example.com" });

export async function calls(): Promise<string[]> {
  const made = await client.POST("/v1/endpoints", {
    body: { url: "https://hooks.example.com/plaudit", types: ["testimonial.approved"] },
  });
  if (made.error) throw new Error(made.error.detail);
  const id: string = made.data.id;
  const event = { type: "testimonial.approved", data: { meta: { event_id: id }, auto: false } };
  const one = await client.POST("/v1/events", { body: event });
  const many = await client.POST("/v1/events", { body: [event, event] });
  const page = await client.GET("/v1/deliveries", { params: { query: { endpoint_id: id } } });
  const types = await client.GET("/v1/event-types");
  const states = (page.data?.data ?? []).map((each) => each.state);
  const names = (types.data ?? []).map((each) => each.type);
  return [...(one.data?.ids ?? []), ...(many.data?.ids ?? []), ...states, ...names];
}
