document.title="Cổng dịch vụ công";
