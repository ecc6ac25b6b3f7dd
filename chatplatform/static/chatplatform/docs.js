"use strict";

// Swagger's page or Redoc's, whichever has been loaded, for the documents that the page lists.
const documents = JSON.parse(document.getElementById("documents").textContent);
const page = document.getElementById("page");
const chosen = documents.find((one) => one.chosen);

if (window.SwaggerUIBundle) {
  window.ui = SwaggerUIBundle({
    domNode: page,
    urls: documents.map(({ name, url }) => ({ name, url })),
    "urls.primaryName": chosen.name,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "StandaloneLayout",
    deepLinking: true,
    displayOperationId: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    validatorUrl: null, // it would send the document elsewhere
  });
} else {
  Redoc.init(chosen.url, { hideDownloadButton: false, sortTagsAlphabetically: false }, page);
}
