// Opens the bar at the side, if it is to be open, before the page is drawn: the admin's own script
// does that afterwards. No module, because these wait for the whole page.
document.getElementById("main").classList.toggle(
    "shifted", localStorage.getItem("django.admin.navSidebarIsOpen") !== "false");
