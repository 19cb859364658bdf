"use strict";
window.onload = () => {
  SwaggerUIBundle({
    url: document.getElementById("explorer").dataset.document,
    dom_id: "#explorer",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    // Otherwise the page sends the document's address to a validator on the internet.
    validatorUrl: null,
  });
};
