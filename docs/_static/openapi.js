// Shows the spec that was loaded beside this, and asks nobody for anything.
const dark = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  const theme = document.body.dataset.theme;
  const isDark = theme === "dark" || (theme !== "light" && dark.matches);
  document.documentElement.classList.toggle("dark-mode", isDark);
}

new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-theme"] });
dark.addEventListener("change", follow);
follow();

// A whole document's tags come with each of its parts; those of other parts lead nowhere.
const operations = Object.values(openapi.paths).flatMap((path) => Object.values(path));
openapi.tags = (openapi.tags ?? []).filter((tag) => operations.some((each) => each.tags?.includes(tag.name)));

// References within the spec are resolved against its address; one of a file leads nowhere.
const address = () => ({ statePlugins: { spec: { wrapSelectors: { url: () => () => "https://spec.invalid/openapi.json" } } } });

SwaggerUIBundle({
  plugins: [address],
  domNode: document.querySelector(".openapi"),
  spec: openapi,
  validatorUrl: null,
  supportedSubmitMethods: [],
  docExpansion: "full",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 4,
});
