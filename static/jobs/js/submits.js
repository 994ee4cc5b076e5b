// A choice that sends its form at once; without a script the form has a button.

document.querySelectorAll("[data-submits]").forEach((field) => {
    field.addEventListener("change", () => field.form.requestSubmit());
});
