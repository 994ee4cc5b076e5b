// The page of the API's description: Swagger UI, for who is logged in here.

const SAFE = ["GET", "HEAD"];

/** Draws the description into `place`, which names its file and holds the CSRF token. */
function start(place) {
    window.SwaggerUIBundle({
        domNode: place,
        url: place.dataset.schema,
        deepLinking: true,
        docExpansion: "none",
        filter: true,
        defaultModelsExpandDepth: 0,
        displayRequestDuration: true,
        validatorUrl: null,
        requestInterceptor(request) {
            if (!SAFE.includes((request.method ?? "GET").toUpperCase())) {
                request.headers["X-CSRFToken"] = place.dataset.csrf;
            }
            return request;
        },
    });
}

/** Light or dark as the admin is, which keeps the choice of its button in this browser. */
function followTheme() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const show = () => {
        const theme = localStorage.getItem("theme") ?? "auto";
        const isDark = theme === "dark" || (theme === "auto" && dark.matches);
        document.documentElement.classList.toggle("dark-mode", isDark);
    };
    dark.addEventListener("change", show);
    show();
}

followTheme();
start(document.getElementById("docs"));
